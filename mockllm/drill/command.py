"""The command `mockllm drill`: from its options to a table, reports and an exit status."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from mockllm import __version__
from mockllm.drill.cell import Cell, Verdict
from mockllm.drill.gateway import Gateway
from mockllm.drill.limits import Limits
from mockllm.drill.live import Show, live
from mockllm.drill.program import Command
from mockllm.drill.reports.html import html
from mockllm.drill.reports.junit import junit
from mockllm.drill.reports.markdown import markdown
from mockllm.drill.reports.table import COLOURS, table
from mockllm.drill.results import About, BadBaseline, Column, Results, as_text, read_baseline
from mockllm.drill.runner import drill
from mockllm.drill.runtimes import DRIVERS, CannotRun
from mockllm.drill.starting import CannotStart, Running, find, started
from mockllm.drill.subject import Client, Subject
from mockllm.drill.system import CLIENTS, BadSystem, System, load_system, names, shipped
from mockllm.drill.upstream import Shared
from mockllm.drill.worker import Lost, Worker, now
from mockllm.profile.incidents import Incident, category_of
from mockllm.profile.library import Library, UnknownProfile
from mockllm.profile.problems import ProfileError

FILE_OF = {"markdown": "drill.md", "json": "drill.json", "junit": "drill.xml", "html": "drill.html"}
"""The file of each form of the report."""
FORMATS = ("table", *FILE_OF)
ONLY_SHOWN = ("out", "formats", "baseline")
"""Options that decide how results are shown, and not what they are."""
ALL = "all"
"""The name of no bundle: every incident."""
BUNDLE = "core"
"""What is run if nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    names: tuple[str, ...] = ()
    sdks: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    listen: str | None = None
    pythons: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    bundle: str | None = None
    category: str | None = None
    folders: tuple[Path, ...] = ()
    limits: Limits = Limits()  # noqa: RUF009  frozen
    jobs: int = 8
    out: Path | None = None
    formats: tuple[str, ...] = ()
    baseline: Path | None = None
    only_list: bool = False
    command: str = ""
    """How it was asked for, to be printed with what came out."""


class Usage(Exception):
    """The command cannot be carried out as it was given; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A system that is to be drilled, and the folder of its configuration."""

    system: System
    beside: Path


def command_of(context: click.Context) -> str:
    """The command line that gives the same results: what was given, but for where they go."""
    words = ["mockllm", str(context.info_name)]
    options_first = sorted(context.command.params, key=lambda one: isinstance(one, click.Argument))
    for parameter in options_first:
        name = parameter.name or ""
        if context.get_parameter_source(name) is ParameterSource.DEFAULT or name in ONLY_SHOWN:
            continue
        given = context.params[name]
        option = [parameter.opts[0]] if isinstance(parameter, click.Option) else []
        for value in given if isinstance(given, tuple) else (given,):
            words += [*option, str(value)]
    return shlex.join(words)


def run(options: Options) -> int:
    """Carry it out; the exit status: 1 if a cell is wrong or hung (with a baseline: and was not
    there), 2 for what cannot be carried out."""
    try:
        if options.only_list:
            click.echo("\n".join(listed(Library(options.folders))))
            return 0
        return drilled(options)
    except (Usage, BadSystem, BadBaseline, CannotStart, ProfileError, UnknownProfile) as error:
        click.echo(f"mockllm drill: {error}", err=True)
        return 2
    except (LookupError, OSError) as error:
        click.echo(f"mockllm drill: {error}", err=True)
        return 2


def drilled(options: Options) -> int:
    """Run, report, judge."""
    baseline = read_baseline(options.baseline) if options.baseline else None
    library = Library(options.folders)
    incidents, bundle = chosen(options, library)
    wanted = list(systems(options))
    for one in wanted:
        check(one, options)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
    begun = now()
    with live({one.system.name: len(incidents) for one in wanted}) as show:
        columns = [column_of(one, incidents, library, options, show) for one in wanted]
    results = Results(
        __version__,
        bundle,
        options.limits,
        tuple(about_of(incident) for incident in incidents),
        tuple(columns),
        now() - begun,
        options.command,
    )
    report(results, options)
    return verdict(results, baseline)


# What is run


def chosen(options: Options, library: Library) -> tuple[tuple[Incident, ...], str]:
    """The incidents, and what they are called together."""
    if options.names:
        if options.bundle or options.category:
            raise Usage("give incidents by name, or --bundle and --category, not both")
        loaded = [library.find(name) for name in options.names]
        found = (Incident(one, category_of(Path(one.file))) for one in loaded)
        return tuple(found), ", ".join(one.name for one in loaded)
    bundle = options.bundle or (ALL if options.category else BUNDLE)
    wanted = library.incidents(bundle=None if bundle == ALL else bundle, category=options.category)
    if not wanted:
        raise Usage("no incident is in both the category and the bundle; see --list")
    words = [options.category and f"category {options.category}", bundle and f"bundle {bundle}"]
    return wanted, ", ".join(word for word in words if word)


def about_of(incident: Incident) -> About:
    """What an incident is."""
    profile = incident.loaded.profile
    return About(incident.name, incident.category, profile.about, tuple(profile.cite))


def systems(options: Options) -> Iterator[Wanted]:
    """The systems, in the order of the table. Raises `Usage` and `BadSystem`."""
    found = [*named(options)]
    if not found:
        raise Usage(
            f"expected a system: --sdk ({', '.join(CLIENTS)}), --command, --gateway or --system "
            f"({', '.join(names())})"
        )
    twins = {
        one.system.name
        for one in found
        if [o.system.name for o in found].count(one.system.name) > 1
    }
    if twins:
        raise Usage(f"expected systems of different names, got {', '.join(sorted(twins))} twice")
    yield from found


def named(options: Options) -> Iterator[Wanted]:
    """The systems as they were given."""
    here = Path()
    for sdk in options.sdks:
        yield Wanted(System.model_validate({"name": sdk, "client": sdk}), here)
    for url in options.gateways:
        path = urlsplit(url).path.rstrip("/")
        base = url.rstrip("/").removesuffix(path) if path else url.rstrip("/")
        given = {"name": url, "gateway": base, **({"path": path} if path else {})}
        yield Wanted(System.model_validate(given), here)
    for number, command in enumerate(options.commands):
        name = f"command {number + 1}" if len(options.commands) > 1 else "command"
        yield Wanted(System.model_validate({"name": name, "command": command}), here)
    for name in options.systems:
        yield Wanted(*load_system(name))


def check(wanted: Wanted, options: Options) -> None:
    """Find out early what is not installed. Raises `Usage` and `CannotStart`."""
    system = wanted.system
    if system.command is not None:
        program = (shlex.split(system.command) or [""])[0]
        if shutil.which(program) is None:
            raise Usage(f"--command: there is no program '{program}'; give its path")
    elif system.start is not None:
        find(system, system.start.command[0], place(system, options.programs))
    elif not system.is_gateway:
        client(system, options).close()


def place(system: System, given: Iterable[str]) -> str | None:
    """The path that an option gives for a system: `NAME=PATH`, or `PATH` for all."""
    found = None
    for one in given:
        name, equals, path = one.partition("=")
        if not equals:
            found = found or name
        elif name == system.name:
            return path
    return found


def client(system: System, options: Options) -> Client:
    """A client; raises `Usage` where its library is missing."""
    assert system.client is not None
    driver = DRIVERS[system.client]
    given = options.pythons if driver.runtime == "python" else options.modules
    try:
        command = driver.command(place(system, given))
    except CannotRun as error:
        raise Usage(f"{driver.option}: {error}") from None
    try:
        return Client(Worker(command), system.limits(options.limits))
    except Lost as error:
        raise Usage(
            f"{system.client} does not run as '{shlex.join(command)}' ({error}); install it there, "
            f"or name another place with {driver.option} {system.name}=PATH"
        ) from None


def column_of(
    wanted: Wanted,
    incidents: tuple[Incident, ...],
    library: Library,
    options: Options,
    show: Show,
) -> Column:
    """One system, through all incidents."""
    system = wanted.system
    with subject_of(wanted, library, options) as (make, running, jobs):
        version = ""

        def made() -> Subject:
            nonlocal version
            subject = make()
            version = subject.version
            return subject

        def on_cell(cell: Cell) -> None:
            show(system.name, cell)

        limits = system.limits(options.limits)
        cells = drill(incidents, made, limits, library=library, jobs=jobs, on_cell=on_cell)
    about = system.described(options.limits)
    return Column(system.name, version, about, cells, running.configuration)


@contextmanager
def subject_of(
    wanted: Wanted, library: Library, options: Options
) -> Iterator[tuple[Callable[[], Subject], Running, int]]:
    """What makes the subjects of a system, how it runs, and how many cells may run at a time."""
    system, limits = wanted.system, wanted.system.limits(options.limits)
    if system.command is not None:
        command = system.command
        yield lambda: Command(command, limits, system.wires), Running(""), options.jobs
        return
    if not system.is_gateway:
        yield lambda: client(system, options), Running(""), options.jobs
        return
    with ExitStack() as stack:
        host, port = listening(system, options)
        server = Shared(library, limits.speed, host, port)
        stack.callback(server.close)
        if system.gateway is not None:
            click.echo(f"{system.name}: its upstream is {server.url}/v1", err=True)
            running = Running(system.gateway.rstrip("/"), headers=system.headers)
        else:
            program = place(system, options.programs)
            upstream = server.url.partition("://")[2]
            running = stack.enter_context(started(system, wanted.beside, upstream, limits, program))

        def make() -> Gateway:
            asker = Worker(DRIVERS[system.client or "http"].command())
            return Gateway(system, running, server, asker, limits)

        with closing(make()) as first:
            first.warm_up()
        yield make, running, min(options.jobs, system.jobs or options.jobs)


def listening(system: System, options: Options) -> tuple[str, int]:
    """Where the server of a gateway listens: a free port where the drill starts the gateway."""
    if system.gateway is None and options.listen is None:
        return "127.0.0.1", 0
    host, colon, port = (options.listen or system.listen).rpartition(":")
    if not colon or not port.isdigit():
        raise Usage(f"--listen: expected HOST:PORT, got '{options.listen or system.listen}'")
    return host or "127.0.0.1", int(port)


# What is said


def report(results: Results, options: Options) -> None:
    """Print the table and write the files."""
    forms = options.formats or (FORMATS if options.out is not None else ("table",))
    for form in forms:
        if form == "table":
            click.echo(table(results, painted, terminal_width()), nl=False)
        elif options.out is None:
            click.echo(TEXTS[form](results), nl=False)
        else:
            path = options.out / FILE_OF[form]
            path.write_text(TEXTS[form](results), "utf-8")
            click.echo(f"wrote {path}", err=True)


def terminal_width() -> int | None:
    """The columns of a terminal; a file or pipe has none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


TEXTS: Mapping[str, Callable[[Results], str]] = {
    "markdown": markdown,
    "json": as_text,
    "junit": junit,
    "html": html,
}


def painted(text: str, verdict: Verdict) -> str:
    """In colour; none goes to a file or pipe."""
    return click.style(text, fg=COLOURS[verdict])


def verdict(results: Results, baseline: Mapping[tuple[str, str], str] | None) -> int:
    """The exit status, and why."""
    if baseline is None:
        return 1 if results.bad else 0
    worse = results.regressions(baseline)
    for column, cell in worse:
        before = baseline[column.name, cell.incident]
        click.echo(
            f"worse: {column.name}: {cell.incident}: {before} became {cell.verdict}", err=True
        )
    new = [cell for column, cell in results.bad if (column.name, cell.incident) not in baseline]
    click.echo(
        f"{len(worse)} worse than the baseline, {len(results.bad) - len(worse) - len(new)} as bad as "
        f"before, {len(new)} bad that it does not have",
        err=True,
    )
    return 1 if worse else 0


def listed(library: Library) -> Iterator[str]:
    """The systems and bundles that there are."""
    yield "systems (--sdk)"
    for name in CLIENTS:
        yield f"  {name}"
    yield "systems (--system)"
    for name in names():
        system, _ = load_system(name)
        yield f"  {name}: {system.about} Needs: {system.needs}."
    yield f"  or the path of a file like those in {shipped()}"
    incidents = library.incidents()
    yield "bundles (--bundle)"
    bundles = sorted({name for one in incidents for name in one.loaded.profile.bundles})
    for name in bundles:
        yield f"  {name}: {sum(name in one.loaded.profile.bundles for one in incidents)} incidents"
    yield f"  {ALL}: {len(incidents)} incidents"
    yield "categories (--category)"
    for name in sorted({one.category for one in incidents}):
        yield f"  {name}: {sum(one.category == name for one in incidents)} incidents"
