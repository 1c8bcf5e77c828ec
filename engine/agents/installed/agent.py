"""An agent of another make, as an attempt sees it: one effect, during which it calls its model through the gateway."""

from engine.agents.base import Acted, Action, CurrentBrief
from engine.agents.installed.adapter import AgentAdapter, AgentMessage, ToolRun, lines_of
from engine.agents.points import AgentRunSeen, BreakdownSeen, EndingSaw, ReadsSeen
from engine.core.scope import Scope
from engine.effects.model_calls import text_of
from engine.gateway.call import CallTerms, ReplayedCall
from events.base import Event, Ref
from events.digest import Digest
from events.streams import calls_below
from events.types.agent import AgentActed, AgentRunAsked, AgentRunFinished, AgentSaid
from events.types.decision import Seen, Text
from events.types.sandbox import ActionObserved, SandboxFailed


class InstalledAgent:
    """Any of them, by its recipe."""

    needs_model = True
    takes_skills = True

    def __init__(self, recipe: AgentAdapter) -> None:
        self.recipe = recipe
        self.name = recipe.name

    @property
    def package(self) -> str:
        """Its package and exact version."""
        return f"{self.recipe.package}@{self.recipe.version}"

    async def act(self, scope: Scope, told: CurrentBrief) -> Acted:
        """Run it to its end, then record what its event stream tells."""
        brief = told()
        assert brief.teacher is not None, "checked before the run starts"
        asked = AgentRunAsked(
            agent=self.name,
            package=self.package,
            instruction=scope.put(brief.instruction.encode()),
            model=brief.teacher.model,
            skills=brief.settings.skills,
            timeout_s=brief.timeout_s,
        )
        terms = CallTerms(brief.trial, brief.teacher.reserve)
        ended = await scope.serve_calls(asked, calls_below(scope.name), ReplayedCall(terms))
        at = scope.at
        if isinstance(ended, SandboxFailed):
            return Acted(EndingSaw(broken=Seen(at, BreakdownSeen(ended.kind, ended.detail))), (), ())
        assert isinstance(ended, AgentRunFinished)
        actions, notes = await self._recorded(scope, ended)
        return Acted(_ended(at, ended), actions, notes, ended.answered, Seen(at, ReadsSeen(ended.reads)))

    async def _recorded(self, scope: Scope, ended: AgentRunFinished) -> tuple[tuple[Action, ...], tuple[Text, ...]]:
        """Record what it did and said, all at once."""
        nothing = scope.put(b"")
        told = list(self.recipe.read(lines_of(await scope.get(ended.stdout))))
        events = [_event(scope, each) for each in told]
        last = await scope.record(*events) if events else scope.at
        actions: list[Action] = []
        notes: list[Text] = []
        for number, event in enumerate(events):
            place = Ref(last.stream, last.version - len(told) + 1 + number)
            if isinstance(event, AgentActed):
                command = Text(event.command, place)
                actions.append(Action(await text_of(scope, event.command), command, seen(event, nothing), place))
            elif isinstance(event, AgentSaid):
                notes.append(Text(event.text, place))
        return tuple(actions), tuple(notes)


def seen(acted: AgentActed, nothing: Digest) -> ActionObserved:
    """Give what came of a tool as distillation and PDI read it; `nothing` names no bytes at all."""
    return ActionObserved(acted.exit_code, "exited", acted.output, nothing)


def _event(scope: Scope, told: ToolRun | AgentMessage) -> Event:
    match told:
        case ToolRun():
            return AgentActed(told.tool, _kept(scope, told.command), told.exit_code, _kept(scope, told.output))
        case AgentMessage():
            return AgentSaid(_kept(scope, told.text), told.final)


def _kept(scope: Scope, text: str) -> Digest:
    return scope.put(text.encode("utf-8", "replace"))


def _ended(at: Ref, run: AgentRunFinished) -> EndingSaw:
    """Say what the attempt ended at."""
    seen = {name: getattr(run, name) for name in AgentRunSeen.__struct_fields__}
    return EndingSaw(run=Seen(at, AgentRunSeen(**seen)), stderr=Text(run.stderr, at))
