"""What a spec needs before anything is paid: each part is looked at by itself, so that one fault hides no other."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
from anyio import to_thread
from rich.console import RenderableType
from rich.text import Text

from engine.agents.installed.agent import InstalledAgent
from engine.agents.registry import agent_named
from engine.concurrency.pools import Pools
from engine.config.program import GivesSkills, OpensWorkspaces
from engine.config.program_registry import EVALUATE, EVOLVE, EXPLORE, OWN, TRAIN, program_named, roles_of, specs_by_arm
from engine.config.sandbox_kinds import sandbox_kind
from engine.config.skill_source import read_source
from engine.config.spec import FILES, SCRIPT, ModelSpec, RunSpec, model_for
from engine.core.system import machine as memory_of
from engine.effects.callers import callers_of, price_of, with_known_prices
from engine.items.item_set import ItemSelection, load_items
from engine.items.registry import item_format
from engine.items.splits import files_by_split
from engine.programs.evaluate.arms import condition_of, own
from engine.programs.evaluate.program import look_at_items
from engine.programs.evaluate.sets import sets_of
from engine.programs.evaluate.spec import ItemsSpec
from engine.programs.train.alike import alike_in_sets, told
from engine.programs.train.program import TRAINING, look_at_set
from engine.programs.train.spec import PURPOSES, TrainItemsSpec, items_of, train_spec
from engine.protocols.errors import ProviderError
from engine.protocols.reply import ChatReply
from engine.protocols.request import ChatRequest
from engine.providers.gate import wide_open
from engine.providers.prices import NANO, cost_of
from engine.runtime.context import RunContext
from engine.runtime.isolation import isolation_missing, opens_sandboxes
from engine.runtime.model_clients import open_model_clients, require_models
from engine.runtime.open_agents import kits_of, skills_of
from engine.runtime.run import settled
from engine.runtime.selection import require_workspaces, select
from events.digest import digest_of
from events.errors import StillroomError
from sandbox.harbor.task import Task
from views.setup.doctor import UNISOLATED
from views.terminal.format import money, plural
from views.terminal.screen import READABLE
from views.terminal.tables import TableView

State: TypeAlias = Literal["ok", "warn", "failed"]
_SHORTEST: Final = {"chat": "max_tokens", "messages": "max_tokens", "responses": "max_output_tokens"}
"""Parameter that bounds an answer, by protocol."""
_COMPLETION: Final = "max_completion_tokens"
"""What newer chat models take in its place."""
_QUESTION: Final = b'{"role":"user","content":"Say yes."}'


class SpecCheck(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="spec_check"):
    """One thing that a run of a spec needs."""

    what: str
    state: State
    """``warn``: a run would start. ``failed``: it would be refused, or fail."""
    found: str
    remedy: str = ""
    """Empty where nothing needs doing."""
    calls: int = 0
    """Calls of a model that were made to find out. They are not recorded in the log."""
    cost_nano_usd: int | None = 0
    """What these cost, in units of 10^-9 US dollars. None: nobody knows."""


class _Named(NamedTuple):
    """A model that speaks for some roles."""

    spec: RunSpec
    model: ModelSpec
    roles: tuple[str, ...]

    @property
    def what(self) -> str:
        return f"model {self.model.model} ({', '.join(self.roles)})"


async def checks(setting: RunContext, spec: RunSpec, *, offline: bool) -> list[SpecCheck]:
    """Look at all that a run of a spec needs.

    Args:
        setting: The process's means.
        spec: What is to be run; its arms can be made.
        offline: Make no calls of models.
    """
    tasks: list[Task] = []
    with suppress(StillroomError):  # what hinders it stands beside the skills
        spec = with_known_prices(spec)
    try:
        whole = await settled(setting, spec)  # a suite names its tasks
    except StillroomError:
        whole = spec  # what hinders it stands beside the skills
    return [
        *[row async for row in _models(setting, spec, offline=offline)],
        *[row async for row in _agents(setting, spec)],
        *[row async for row in _tasks(setting, whole, tasks)],
        *[row async for row in _items(setting, spec)],
        *[row async for row in _training_sets(setting, spec, tasks)],
        *[row async for row in _workspaces(setting, spec)],
        *[row async for row in _skills(setting, spec, tasks)],
    ]


def sandbox(setting: RunContext, spec: RunSpec) -> Iterator[SpecCheck]:
    """Say how far the sandbox keeps tasks from this machine; where it does not, a run starts only if asked for so."""
    if spec.sandbox != UNISOLATED and (spec.program == EVOLVE or opens_sandboxes(spec)):
        found = setting.backend.describe()
        state: State = "failed" if found.lacking else "warn" if found.level == "none" else "ok"
        remedy = isolation_missing(found, spec).remedy if found.lacking else found.remedy or ""
        yield SpecCheck(
            what=f"sandbox {spec.sandbox}", state=state, found=f"{found.level}: {found.reason}", remedy=remedy
        )


def refused(what: str, error: StillroomError) -> SpecCheck:
    """Say that something is missing or wrong."""
    return SpecCheck(what=what, state="failed", found=error.problem, remedy=error.remedy)


async def _tried(what: str, look: Callable[[], Awaitable[SpecCheck]]) -> SpecCheck:
    """Look at one thing; an error is what was found."""
    try:
        return await look()
    except StillroomError as error:
        return refused(what, error)


def _named(spec: RunSpec) -> Iterator[_Named]:
    """List the models of a spec and its arms, each once."""
    found: dict[bytes, _Named] = {}
    for each in specs_by_arm(spec).values():
        for role, other in roles_of(each).items():
            model = model_for(each, role, other)
            if model is not None:
                key = msgspec.json.encode(model, order="sorted")
                before = found.get(key, _Named(each, model, ()))
                found[key] = before._replace(roles=tuple(dict.fromkeys((*before.roles, role))))
    yield from found.values()


async def _models(setting: RunContext, spec: RunSpec, *, offline: bool) -> AsyncIterator[SpecCheck]:
    for named in _named(spec):
        alone = _alone(named)

        async def look(named: _Named = named, alone: RunSpec = alone) -> SpecCheck:
            await require_models(setting, alone)
            if named.model.base_url.startswith(SCRIPT):
                return SpecCheck(what=named.what, state="ok", found=f"a script: {named.model.base_url}")
            if named.model.base_url.startswith(FILES):
                return SpecCheck(what=named.what, state="ok", found=f"answered by files: {named.model.base_url}")
            if offline:
                return SpecCheck(what=named.what, state="ok", found=f"{_key(named.model)}; not called (--offline)")
            return await _called(setting, named, alone)

        yield await _tried(named.what, look)
    priced = {each.model.model: _priced(each.spec, each.model) for each in _named(spec)}
    for row in priced.values():
        yield row


def _alone(named: _Named) -> RunSpec:
    """Give a spec that has just this model."""
    return msgspec.structs.replace(named.spec, models={"teacher": named.model}, own={}, program=EXPLORE)


def _key(model: ModelSpec) -> str:
    if model.api_key_env is not None:
        return f"key in {model.api_key_env}"
    return "key from a command" if model.api_key_command is not None else "no key"


async def _called(setting: RunContext, named: _Named, alone: RunSpec) -> SpecCheck:
    """Have the model answer with one token."""
    async with AsyncExitStack() as stack:
        pools = Pools(alone.pools, memory_of(), sandbox_kind(alone.sandbox).memory_bytes)
        clients = await open_model_clients(stack, setting, {(0, None): alone}, pools)
        client = next(iter(clients[0, None].values()))
        caller = next(iter(callers_of(_uncapped(alone), roles_of(alone), "").values()))
        request = ChatRequest(
            model=named.model.model,
            messages=(_QUESTION,),
            parameters=_bounded(named.model, caller.parameters),
            stream=named.model.stream,
            timeout_s=named.model.timeout_s,
            protocol=named.model.protocol,
        )
        try:
            reply = await client.provider.complete(request, wide_open)
        except ProviderError as error:
            if _COMPLETION not in error.problem:
                found = f"{_key(named.model)}; it does not answer: {error.problem}"
                return SpecCheck(
                    what=named.what, state="failed", found=found, remedy=error.remedy, calls=1, cost_nano_usd=None
                )
            parameters = {name: value for name, value in request.parameters.items() if name != "max_tokens"}
            again = msgspec.structs.replace(request, parameters={**parameters, _COMPLETION: 1})
            reply = await client.provider.complete(again, wide_open)
        return _answered(named, reply)


def _uncapped(spec: RunSpec) -> RunSpec:
    """Leave out the budget: what lacks a price or a bound is said by itself."""
    return msgspec.structs.replace(spec, budget=type(spec.budget)())


def _bounded(model: ModelSpec, parameters: dict[str, str | int | float | bool]) -> dict[str, str | int | float | bool]:
    """Ask for one token, by the parameter that the spec bounds answers with, or else by that of the protocol."""
    if model.protocol == "gemini":
        return {**parameters, "generationConfig.maxOutputTokens": 1}
    name = next((each for each in (_COMPLETION, "max_output_tokens") if each in parameters), None)
    return {**parameters, name or _SHORTEST.get(model.protocol or "chat", "max_tokens"): 1}


def _answered(named: _Named, reply: ChatReply) -> SpecCheck:
    price = price_of(named.spec, named.model)
    cost = None if price is None else cost_of(reply.usage, price)
    cost = cost if reply.cost_usd is None else round(reply.cost_usd * NANO)
    tokens = f"{reply.usage.output_tokens} output tokens" if reply.usage.output_tokens is not None else "no usage told"
    found = f"{_key(named.model)}; answers as {reply.model or named.model.model}, {tokens}, {money(cost)}"
    return SpecCheck(what=named.what, state="ok", found=found, calls=1, cost_nano_usd=cost)


def _priced(spec: RunSpec, model: ModelSpec) -> SpecCheck:
    """Look up the price of a model: a budget cannot do without."""
    what = f"price of {model.model}"
    try:
        price = price_of(spec, model)
        callers_of(spec, roles_of(spec), "")
    except StillroomError as error:
        return refused(what, error)
    if price is None:
        remedy = f'set prices."{model.model}".input and .output in USD per million tokens'
        return SpecCheck(what=what, state="warn", found="unknown, so costs are not known either", remedy=remedy)
    per_million = f"{money(price.input_per_million)} in, {money(price.output_per_million)} out per million tokens"
    return SpecCheck(what=what, state="ok", found=per_million)


async def _agents(setting: RunContext, spec: RunSpec) -> AsyncIterator[SpecCheck]:
    """See that each agent is here; what an installed one lacks would be fetched when a run starts."""
    for name in dict.fromkeys(each.agent.name for each in specs_by_arm(spec).values()):
        what = f"agent {name}"

        async def look(name: str = name, what: str = what) -> SpecCheck:
            agent = agent_named(name)
            if not isinstance(agent, InstalledAgent):
                return SpecCheck(what=what, state="ok", found="built-in")
            kit = await to_thread.run_sync(kits_of(setting, agent).here, agent.recipe)
            if kit is not None:
                return SpecCheck(what=what, state="ok", found=str(kit.folder))
            remedy = f"`stillroom agents check {name}` fetches it"
            return SpecCheck(what=what, state="warn", found="not installed; a run fetches it", remedy=remedy)

        yield await _tried(what, look)


async def _tasks(setting: RunContext, spec: RunSpec, tasks: list[Task]) -> AsyncIterator[SpecCheck]:
    """See that each task can be read, built and run in the sandbox; those that can are handed on."""
    if not spec.tasks:
        return
    try:
        selected = await select(setting, spec, skip_invalid=False)
    except StillroomError as error:
        yield refused("tasks", error)
        return
    tasks += selected.tasks
    yield SpecCheck(what="tasks", state="ok", found=f"{plural(len(selected.tasks), 'task')} can run")
    for each in selected.left_out:
        yield SpecCheck(what=f"task {each.name}", state="warn", found=f"left out: {each.why}", remedy=each.remedy)


async def _items(setting: RunContext, spec: RunSpec) -> AsyncIterator[SpecCheck]:
    """See that sets of questions can be read whole, and that no question stands in two splits."""
    if spec.program != EVALUATE:
        return
    for name, items in sets_of(own(spec)).items():
        what = f"items {name}"

        async def look(name: str = name, items: ItemsSpec = items, what: str = what) -> SpecCheck:
            chosen = await look_at_items(setting.base, name, items)
            shared = await to_thread.run_sync(_shared, setting, name, items)
            found = f"{plural(len(chosen), 'item')} of split {items.split}"
            if shared:
                remedy = "remove one of each, so that no split tells of another"
                listed = "; ".join(shared[:5])
                return SpecCheck(what=what, state="failed", found=f"{found}; in two splits: {listed}", remedy=remedy)
            return SpecCheck(what=what, state="ok", found=f"{found}; splits are disjoint")

        yield await _tried(what, look)


async def _training_sets(setting: RunContext, spec: RunSpec, tasks: Sequence[Task]) -> AsyncIterator[SpecCheck]:
    """See that each set of a training can be read, and then that they can be trained on beside each other."""
    if spec.program != TRAIN:
        return
    settings = train_spec(spec)
    rows: list[SpecCheck] = []
    for purpose in PURPOSES:
        items = items_of(settings, purpose)
        if items is not None:
            what = f"items of train.sets.{purpose}"

            async def look(items: TrainItemsSpec = items, what: str = what) -> SpecCheck:
                number = len(await look_at_set(setting.base, items))
                return SpecCheck(what=what, state="ok", found=f"{plural(number, 'item')} of split {items.split}")

            rows.append(await _tried(what, look))
            yield rows[-1]

    async def beside() -> SpecCheck:
        await TRAINING.given(setting.library or setting.log, setting.base, OWN, spec, tasks)
        return SpecCheck(what="sets of the training", state="ok", found="no item stands in two; enough for the gate")

    if all(row.state == "ok" for row in rows):
        yield await _tried("items alike", partial(_alike, setting, spec))
    found = await _tried("sets of the training", beside)
    if found.found not in {row.found for row in rows}:  # a set that cannot be read is said once
        yield found


async def _alike(setting: RunContext, spec: RunSpec) -> SpecCheck:
    """See that no items of two sets of a training ask the same."""
    pairs = await alike_in_sets(setting.base, spec)
    remedy = "leave one of each pair out (exclude): what is learnt from one is measured on the other"
    if pairs:
        return SpecCheck(what="items alike", state="warn", found=told(pairs), remedy=remedy)
    return SpecCheck(what="items alike", state="ok", found="no items of two sets ask the same")


async def _workspaces(setting: RunContext, spec: RunSpec) -> AsyncIterator[SpecCheck]:
    """See that the sandboxes can be opened in which items are worked on."""
    program = program_named(spec.program)
    if not isinstance(program, OpensWorkspaces) or not program.workspaces(spec):
        return

    async def look() -> SpecCheck:
        await require_workspaces(setting, spec)
        return SpecCheck(what="sandboxes of items", state="ok", found=f"{spec.sandbox} can open them")

    yield await _tried("sandboxes of items", look)


def _shared(setting: RunContext, name: str, items: ItemsSpec) -> Sequence[str]:
    """Find questions of the same content in two splits; those of the same name are refused when they are read."""
    form, folder = item_format(items.format), setting.base / items.folder
    seen: dict[str, str] = {}
    shared: list[str] = []
    for split in files_by_split(folder, form.suffixes):
        for each in load_items(name, form, folder, ItemSelection(split), digest_of).items:
            here = f"{each.name} ({split})"
            before = seen.setdefault(each.digest, here)
            if before != here and not before.endswith(f"({split})"):
                shared.append(f"{before} and {here}")
    return shared


async def _skills(setting: RunContext, spec: RunSpec, tasks: Sequence[Task]) -> AsyncIterator[SpecCheck]:
    """See that the skills of each arm can be read and given."""
    program = program_named(spec.program)
    arms, hindered = await _arms_given(setting, spec)
    for row in hindered:
        yield row
    for arm, each in arms.items():
        what = f"skills of {arm}" if arm else "skills"

        async def look(arm: str = arm, each: RunSpec = each, what: str = what) -> SpecCheck:
            given = None
            if isinstance(program, GivesSkills):
                given = await program.given(setting.library or setting.log, setting.base, arm, each, tasks)
            if given is not None:
                files = len(given.skills or {}) + sum(map(len, given.items.values()))
                return SpecCheck(what=what, state="ok", found=plural(files, "file") if files else "none")
            found = await skills_of(setting, each)
            if found.misnamed:
                remedy = "rename them: an agent finds a skill by the name of its folder"
                return SpecCheck(what=what, state="failed", found="; ".join(found.misnamed), remedy=remedy)
            return SpecCheck(what=what, state="ok", found=plural(len(found.files), "file") if found.files else "none")

        yield await _tried(what, look)


async def _arms_given(setting: RunContext, spec: RunSpec) -> tuple[dict[str, RunSpec], list[SpecCheck]]:
    """Give the arms whose skills can be looked at, and what hinders the others."""
    hindered: list[SpecCheck] = []
    try:
        arms = dict(specs_by_arm(await settled(setting, spec)))
    except StillroomError as error:
        hindered.append(refused("skills of runs", error))
        # As it is written, the source of any other arm names no run.
        arms = {arm: each for arm, each in specs_by_arm(spec).items() if not _from_runs(spec, arm)}
    if spec.program in {EVALUATE, TRAIN}:
        arms.pop(OWN, None)  # its arms are what is given skills
    return arms, hindered


def _from_runs(spec: RunSpec, arm: str) -> bool:
    """Say whether an arm of an evaluation has skills from libraries of runs."""
    if spec.program != EVALUATE or arm == OWN:
        return False
    condition = condition_of(own(spec), arm)
    return any(read_source(each).kind == "run" for each in (condition.skills, *condition.beside) if each)


def _notes(rows: Sequence[SpecCheck]) -> Iterator[RenderableType]:
    yield Text()
    if calls := sum(row.calls for row in rows):
        costs = [row.cost_nano_usd for row in rows if row.calls]
        known = None if None in costs else sum(each for each in costs if each is not None)
        yield Text(f"{plural(calls, 'model call')}, cost {money(known)}; not recorded in the log")
    failed = sum(row.state == "failed" for row in rows)
    yield Text(
        f"{failed} of {plural(len(rows), 'check')} failed" if failed else "nothing is missing; nothing was started"
    )


SPEC_CHECKS: Final = TableView(
    SpecCheck, ("check", lambda row: row.what), "state found… remedy…", notes=_notes, widest=READABLE
)
