"""An agent: it acts in the sandbox through effects, and asks no model."""

import stillroom as st


class Copyist:
    """Runs the one command that its task's instruction names in backquotes."""

    name = "copyist"
    needs_model = False

    async def act(self, scope: st.Scope, told: st.CurrentBrief) -> st.Acted:
        """Find the command, and run it."""
        words = told().instruction.split("`")
        if len(words) < 3:
            return st.Acted(st.AgentEnded("done", "the instruction names no command", 0), (), ())
        command = scope.put(words[1].encode())
        seen = await scope.effect(st.ActionAsked(command, told().settings.command_timeout_s))
        if not isinstance(seen, st.ActionObserved):
            return st.Acted(st.AgentEnded("failed", "the sandbox is gone", 0), (), ())
        asked = st.Text(command, st.Ref(scope.name, scope.at.version - 1))
        return st.Acted(st.AgentEnded("done", "it ran", 0), (st.Action(words[1], asked, seen, scope.at),), ())
