"""The command line: `mockllm serve`, `proxy`, `use`, `report`, `healthcheck`, `drill`, and what needs no server: `check`, `list`,
`show`, `plan`, `new`, `schema`, `reference`.

Only what a command needs is imported when it runs: `healthcheck` is started every few seconds in a
container and must not pay for a server.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from mockllm import __version__

if TYPE_CHECKING:
    from mockllm.compat import Line
    from mockllm.profile.library import Library
    from mockllm.profile.loader import Loaded

KINDS = ("profiles", "incidents", "shapes", "answers")
"""What `mockllm list` lists."""
SDKS = ("openai", "openai-node", "anthropic", "litellm", "langchain", "aiohttp", "http")
REPORTS = ("table", "markdown", "json", "junit", "html")
"""What `mockllm drill` drills and writes; its own modules are imported when it runs."""
DEFAULT_PORT = 8080
URL = f"http://127.0.0.1:{DEFAULT_PORT}"

FOLDERS = click.option(
    "--profiles",
    "folders",
    multiple=True,
    envvar="MOCKLLM_PROFILES",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of your own profiles; may be given several times.",
)
SERVER_URL = click.option(
    "--url", default=URL, envvar="MOCKLLM_URL", show_default=True, help="The running server."
)
SEED = click.option(
    "--seed",
    type=int,
    envvar="MOCKLLM_SEED",
    help="Where chance begins; without it where the profile says, or at 0.",
)
SPEED = click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    envvar="MOCKLLM_SPEED",
    show_default=True,
    help="Divides waits, pacing and windows.",
)

F = TypeVar("F", bound=Callable[..., Any])


def listening(command: F) -> F:
    """The options of a server: where it listens, how it plays, how it tells that it is ready."""
    for option in reversed(
        (
            click.option("--host", default="127.0.0.1", envvar="MOCKLLM_HOST", show_default=True),
            click.option(
                "--port",
                default=DEFAULT_PORT,
                envvar="MOCKLLM_PORT",
                show_default=True,
                help="0: a free one.",
            ),
            SEED,
            SPEED,
            click.option(
                "--print-url", is_flag=True, help="Print the base URL, and nothing else, on stdout."
            ),
            click.option(
                "--ready-file",
                type=click.Path(dir_okay=False, path_type=Path),
                help="Write the base URL to this file when clients can connect.",
            ),
            click.option(
                "--log-format",
                type=click.Choice(["text", "json"]),
                default="text",
                envvar="MOCKLLM_LOG_FORMAT",
            ),
        )
    ):
        command = option(command)
    return command


POSITIVE = click.FloatRange(min=0, min_open=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mockllm")
def cli() -> None:
    """A mock LLM server that fails on purpose, exactly."""


class ServeCommand(click.Command):
    """A command that takes the command line of another server too, behind `--compat`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what mockllm has too, and keep the rest."""
        from mockllm.compat import PORT, is_meant, understood

        if not is_meant(args):
            return super().parse_args(ctx, args)
        line = ctx.obj = understood(args)
        ctx.default_map = {"port": PORT}
        return super().parse_args(ctx, list(line.own))


@cli.command(cls=ServeCommand)
@click.argument("profiles", nargs=-1, metavar="[PROFILE ...]")
@FOLDERS
@click.option(
    "--compat",
    type=click.Choice(["vllm"]),
    help="Take this server's command line, for manifests where mockllm stands in its place; "
    "the profile is then that of the environment.",
)
@click.option(
    "--grpc-port",
    type=int,
    envvar="MOCKLLM_GRPC_PORT",
    help="Serve KServe's V2 over gRPC on this port too (extra grpc); 0: a free one.",
)
@listening
@click.pass_context
def serve(
    context: click.Context,
    /,
    profiles: tuple[str, ...],
    folders: tuple[Path, ...],
    compat: str | None,
    **options: Any,
) -> None:
    """Serve profiles, by name or path, until SIGTERM; the first is the one that is on.

    Without one: MOCKLLM_PROFILE_YAML (a profile's text), MOCKLLM_PROFILE (a name or path), or the
    profile `default`. Profiles given by path are read again when they change.
    """
    from mockllm.server.lean import without_authorities

    with without_authorities():
        from mockllm.server.serve import Options, run

    library = library_of(folders)
    loaded = [find(library, profile) for profile in profiles] or [first_profile(library)]
    if compat is not None:
        loaded = [imitating(library, loaded[0], context.obj)]
        if context.obj.ignored:
            options["note"] = f"--compat {compat} ignores {', '.join(context.obj.ignored)}"
    sys.exit(run(library, loaded, Options(**options)))


def imitating(library: Library, profile: Loaded, line: Line) -> Loaded:
    """The profile as the one of another server, or the end with every problem."""
    from mockllm.compat import imitating
    from mockllm.profile.problems import ProfileError

    try:
        return imitating(library, profile, line)
    except ProfileError as error:
        fail(str(error))


def first_profile(library: Library) -> Loaded:
    """The profile of the environment, or the default."""
    import os

    text = os.environ.get("MOCKLLM_PROFILE_YAML")
    if text:
        from mockllm.profile.problems import ProfileError

        try:
            return library.load_text(text, "inline", "MOCKLLM_PROFILE_YAML")
        except ProfileError as error:
            fail(str(error))
    return find(library, os.environ.get("MOCKLLM_PROFILE") or "default")


@cli.command()
@click.argument("profiles", nargs=-1, required=True, metavar="PROFILE ...")
@FOLDERS
def check(profiles: tuple[str, ...], folders: tuple[Path, ...]) -> None:
    """Check profiles, by name or path; every problem with its line. Exit status 1 if there are any.

    Warnings tell of faults and routes that can never act; they do not change the exit status.
    """
    from mockllm.engine.warnings import warnings
    from mockllm.profile.incidents import missing
    from mockllm.profile.library import UnknownProfile
    from mockllm.profile.problems import ProfileError

    library = library_of(folders)
    wrong = 0
    for profile in profiles:
        try:
            loaded = library.find(profile)
        except ProfileError as error:
            wrong += len(error.problems)
            click.echo(str(error))
        except (UnknownProfile, OSError) as error:
            wrong += 1
            click.echo(f"{profile}: {error}")
        else:
            for warning in warnings(loaded):
                click.echo(warning.render(loaded.file))
            gaps = missing(loaded)
            for gap in gaps:
                click.echo(gap.render(loaded.file))
            wrong += len(gaps)
            if not gaps:
                click.echo(f"{loaded.file}: ok")
    if wrong:
        fail(f"{wrong} problem{'s' if wrong > 1 else ''}")


@cli.command()
def schema() -> None:
    """Print the JSON Schema of profiles, for editors."""
    from mockllm.profile.schema import text

    click.echo(text(), nl=False)


@cli.command()
@click.argument("name", required=False)
def new(name: str | None) -> None:
    """Write a first profile with every line explained: to NAME.mockllm.yaml, or to stdout."""
    from mockllm.profile.starter import starter

    if name is None:
        click.echo(starter("FILE"), nl=False)
        return
    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.mockllm.yaml")
    try:
        # Made anew or not at all: a profile that is there is never overwritten.
        with path.open("x", encoding="utf-8") as file:
            file.write(starter(str(path)))
    except OSError as error:
        fail(f"{path}: {error.strerror or error}")
    click.echo(f"{path} is written; next: mockllm check {path}, mockllm plan {path}")


@cli.command()
@click.argument("which", default="language", type=click.Choice(["language", "incidents"]))
def reference(which: str) -> None:
    """Print the reference of the language: every anchor, verb, value, matcher, script and shape.

    Or, with `incidents`, the page of all incidents that ship.
    """
    if which == "incidents":
        from mockllm.profile.catalogue import page
    else:
        from mockllm.profile.reference import page

    click.echo(page(), nl=False)


@cli.command("list")
@click.argument("kind", metavar="[KIND]", default="profiles", type=click.Choice(KINDS))
@FOLDERS
@click.option("--category", help="With incidents: those of one category.")
@click.option("--wire", help="With incidents: those that happen on one wire.")
@click.option("--bundle", help="With incidents: those of one bundle; `core` is the newest of it.")
def list_kind(
    kind: str,
    folders: tuple[Path, ...],
    *,
    category: str | None,
    wire: str | None,
    bundle: str | None,
) -> None:
    """List the profiles by name, with what each imitates; or things of another KIND: incidents,
    the shapes of errors, the named answers with status, evidence and source."""
    if kind != "incidents" and (category or wire or bundle):
        raise click.UsageError("--category, --wire and --bundle are for: mockllm list incidents")
    if kind == "shapes":
        rows = list_shapes()
    elif kind == "answers":
        rows = list_answers()
    elif kind == "incidents":
        rows = list_incidents(library_of(folders), category, wire, bundle)
    else:
        rows = list_profiles(library_of(folders))
    named = list(rows)
    width = max((len(name) for name, _ in named), default=0)
    for name, about in named:
        click.echo(f"{name:<{width}}  {about}")


def list_profiles(library: Library) -> Iterator[tuple[str, str]]:
    """The profiles that are no incidents, and what each is about."""
    from mockllm.profile.incidents import in_folder
    from mockllm.profile.problems import ProfileError

    for name, path in sorted(library.paths.items()):
        if in_folder(path):
            continue
        try:
            yield name, library.load_path(path).profile.about
        except ProfileError as error:
            yield name, f"cannot be used: {error.problems[0].render(str(path))}"


def list_shapes() -> Iterator[tuple[str, str]]:
    """The shapes, and whose each is."""
    from mockllm.shapes.catalogue import shape_catalogue

    for row in shape_catalogue():
        yield row.name, f"{row.about} {row.source}"


def list_answers() -> Iterator[tuple[str, str]]:
    """The named answers: status, evidence, when the server says so, and where it is from."""
    from mockllm.shapes.catalogue import catalogue

    for row in catalogue():
        yield row.name, f"{row.status}  {row.evidence:<10}  {row.about} {row.source}"


def list_incidents(
    library: Library, category: str | None, wire: str | None, bundle: str | None
) -> Iterator[tuple[str, str]]:
    """The incidents that are asked for, and what each is about."""
    from mockllm.profile.problems import ProfileError

    try:
        found = library.incidents(category=category, wire=wire, bundle=bundle)
    except (LookupError, ProfileError) as error:
        fail(str(error))
    return ((one.name, f"{one.category}: {one.loaded.profile.about}") for one in found)


@cli.command()
@click.argument("profile")
@FOLDERS
def show(profile: str, folders: tuple[Path, ...]) -> None:
    """Show a profile: its file and those it extends, the verbs that its named faults stand for, and
    what it expects; of an incident also the timeline of a first call."""
    from mockllm.engine.report import as_text
    from mockllm.engine.sample import sample
    from mockllm.faults.fault import flow_of
    from mockllm.faults.named import NamedFault
    from mockllm.profile.incidents import is_incident

    loaded = find(library_of(folders), profile)
    for one in loaded.family:
        click.echo(f"# {one.file}" if one is loaded else f"# extends {one.file}")
        click.echo(one.text.rstrip("\n"))
    for route in loaded.profile.all_routes:
        for fault in route.faults:
            if isinstance(fault, NamedFault):
                verbs = " + ".join(f"{flow_of(verb)} at {verb.anchor.text}" for verb in fault.verbs)
                click.echo(f"# {route.name}: {flow_of(fault)} = {verbs}")
    plan = sample(loaded) if is_incident(loaded) else None
    for line in as_text(plan).splitlines() if plan else ():
        click.echo(f"# {line}")
    for line in loaded.profile.expect.lines() if loaded.profile.expect else ():
        click.echo(f"# expect {line}")


@cli.command()
@click.argument("profile")
@FOLDERS
@click.option("--stream/--no-stream", default=True, show_default=True)
@click.option("--model", help="The model that is asked for; by default the profile's first.")
@click.option("--path", default="/v1/chat/completions", show_default=True)
@click.option("--method", default="POST", show_default=True)
@click.option(
    "--call",
    "ordinal",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Which call of the session.",
)
@click.option(
    "--request",
    "body",
    type=click.File("rb"),
    help="A file with the request's JSON body (- for stdin), instead of --stream and --model.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@SEED
@SPEED
def plan(
    profile: str,
    folders: tuple[Path, ...],
    *,
    stream: bool,
    model: str | None,
    path: str,
    method: str,
    ordinal: int,
    body: Any,
    form: str,
    seed: int | None,
    speed: float,
) -> None:
    """Print what a profile does to a request: the timeline, and what each fault does or why not."""
    import json

    from mockllm.engine.engine import Engine
    from mockllm.engine.exchange import Here
    from mockllm.engine.plan import Conditions, Visit
    from mockllm.engine.report import as_json, as_text, unscaled

    library = library_of(folders)
    loaded = find(library, profile)
    engine = Engine(library, loaded, conditions=Conditions(seed, speed), now=lambda: 0.0)
    if body is not None:
        data = body.read()
    elif method == "POST":
        message = {"role": "user", "content": "Hello!"}
        wanted = model or loaded.profile.models[0]
        body = {"model": wanted, "stream": stream, "messages": [message]}
        if path.endswith("/messages"):  # Anthropic's API demands a limit
            body["max_tokens"] = 1024
        data = json.dumps(body).encode()
    else:
        data = b""
    call, path_name = engine.read(method, path, (), data)
    made = engine.preview(call, path_name, Here(), Visit(ordinal=ordinal))
    if made.speed != speed:
        click.echo(unscaled(made.profile), err=True)
    if form == "json":
        click.echo(json.dumps(as_json(made), indent=2, ensure_ascii=False))
    else:
        click.echo(as_text(made), nl=False)


@cli.command()
@click.argument("profile")
@FOLDERS
@click.option("--for", "span", metavar="TIME", help="For how long, such as 3m; then the old one.")
@SERVER_URL
@click.option("--token", envvar="MOCKLLM_ADMIN_TOKEN", help="The server's admin token.")
def use(
    profile: str, folders: tuple[Path, ...], span: str | None, url: str, token: str | None
) -> None:
    """Switch a running server to a profile, by name or path."""
    from mockllm.profile.library import is_path
    from mockllm.remote import RemoteError, put_profile

    if is_path(profile):
        wish = {"yaml": find(library_of(folders), profile).whole}
    else:
        wish = {"name": profile}
    if span is not None:
        wish["for"] = span
    try:
        answer = put_profile(url, wish, token)
    except RemoteError as error:
        fail(str(error))
    left = answer.get("remaining")
    click.echo(f"{url} plays {answer['name']}" + (f" for {left:.0f} s" if left else ""))


@cli.command()
@click.argument("url", default=URL, envvar="MOCKLLM_URL")
@click.option("--session", help="Only the calls of this session.")
@click.option("--ignore", default="", metavar="NAMES", help="Findings that are in order here.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--token", envvar="MOCKLLM_ADMIN_TOKEN", help="The server's admin token.")
def report(url: str, session: str | None, ignore: str, form: str, token: str | None) -> None:
    """Print what happened at a running server, and what is wrong with it; exit status 1 if anything is.

    That is conduct of clients that does harm, an expectation of the profile that does not hold, or a
    fault that was asked for and never fired.
    """
    from mockllm.remote import RemoteError, get_report

    try:
        text, failed = get_report(url, token, form=form, session=session, ignore=ignore)
    except RemoteError as error:
        fail(str(error))
    click.echo(text.rstrip("\n"))
    if failed:
        sys.exit(1)


@cli.command()
@click.argument("names", nargs=-1, metavar="[INCIDENT ...]")
@click.option("--sdk", "sdks", multiple=True, type=click.Choice(SDKS), help="A client library.")
@click.option("--gateway", "gateways", multiple=True, metavar="URL", help="A gateway that runs.")
@click.option("--command", "commands", multiple=True, help="A program, run once per incident.")
@click.option("--system", "systems", multiple=True, metavar="NAME|FILE", help="See --list.")
@click.option("--listen", metavar="HOST:PORT", help="Where a gateway finds its upstream.")
@click.option(
    "--python", "pythons", multiple=True, metavar="[NAME=]PATH", help="The interpreter of an SDK."
)
@click.option(
    "--modules",
    multiple=True,
    metavar="[NAME=]FOLDER",
    help="Where npm has installed an SDK of Node.js; by default here.",
)
@click.option(
    "--program", "programs", multiple=True, metavar="[NAME=]PATH", help="The program of a gateway."
)
@click.option("--bundle", help="`core` by default; `all` is every incident.")
@click.option("--category", help="The incidents of one category.")
@FOLDERS
@click.option(
    "--timeout", type=POSITIVE, default=2.0, show_default=True, help="The client's, in s."
)
@click.option("--retries", type=click.IntRange(0), default=2, show_default=True)
@click.option(
    "--guard", type=POSITIVE, default=20.0, show_default=True, help="Hung after so many seconds."
)
@click.option(
    "--speed", type=POSITIVE, default=20.0, show_default=True, help="Divides the incidents' times."
)
@click.option("--jobs", type=click.IntRange(1), default=8, show_default=True, help="At a time.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="The folder of the reports."
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(REPORTS),
    help="The table by default, and all of them with --out.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="An earlier drill.json: fail only where it is worse now.",
)
@click.option("--list", "only_list", is_flag=True, help="List systems, bundles and categories.")
def drill(*, timeout: float, retries: int, guard: float, speed: float, **options: Any) -> None:
    """Run clients, programs and gateways through incidents, and show which they survive.

    Exit status 1 if anything is wrong or hung (with --baseline: and was not there), 2 where the
    command cannot be carried out.
    """
    from mockllm.drill.command import Options, command_of, run
    from mockllm.drill.limits import Limits

    command = command_of(click.get_current_context())
    sys.exit(
        run(Options(limits=Limits(timeout, retries, guard, speed), command=command, **options))
    )


@cli.command()
@click.option("--upstream", required=True, metavar="URL", help="The server that is recorded.")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The cassette; exchanges are appended to one that is there.",
)
@click.option("--wire", help="A note in the cassette, such as openai.chat.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=DEFAULT_PORT, show_default=True, help="0: a free one.")
@click.option(
    "--redact", multiple=True, metavar="JSONPATH", help="Hide this in bodies of requests."
)
@click.option(
    "--record-missing", is_flag=True, help="Answer from the cassette; ask and record the rest."
)
@click.option("--print-url", is_flag=True, help="Print the base URL, and nothing else, on stdout.")
def record(**options: Any) -> None:
    """Pass requests on to a server, and write what comes back to a cassette, until SIGTERM.

    Streams pass unchanged and undelayed. `script: {replay: FILE}` plays them again.
    """
    from mockllm.record.commands import RecordOptions, record

    sys.exit(record(RecordOptions(**options)))


@cli.command()
@click.argument("profiles", nargs=-1, metavar="[PROFILE ...]")
@FOLDERS
@click.option(
    "--upstream",
    required=True,
    metavar="URL",
    envvar="MOCKLLM_UPSTREAM",
    help="The server that answers; a path in the URL stands before every request's path.",
)
@listening
def proxy(profiles: tuple[str, ...], folders: tuple[Path, ...], **options: Any) -> None:
    """Pass calls on to a server, and put the faults of profiles into its answers, until SIGTERM.

    What no fault touches passes unchanged and undelayed. Profiles are chosen, counted and switched
    as with `serve`; their scripts and pacing are not played.
    """
    from mockllm.proxy.command import proxy
    from mockllm.server.serve import Options

    library = library_of(folders)
    loaded = [find(library, profile) for profile in profiles] or [first_profile(library)]
    sys.exit(proxy(library, loaded, Options(**options)))


@cli.command("import")
@click.argument(
    "form", metavar="FORMAT", type=click.Choice(["aimock", "har", "openai-jsonl", "vcr"])
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The cassette; of aimock the profile.",
)
def import_(form: str, file: Path, out: Path) -> None:
    """Make a cassette of what others have recorded: har, vcr (vcrpy) or openai-jsonl.

    Fixtures of aimock, in a file or a folder, become a profile; what is not in it is told.
    """
    from mockllm.record.commands import import_file

    sys.exit(import_file(form, file, out))


@cli.command()
@SERVER_URL
@click.option("--port", envvar="MOCKLLM_PORT", type=int, help="The port, where it is not in --url.")
@click.option("--timeout", default=2.0, show_default=True, help="Seconds to wait for the answer.")
def healthcheck(url: str, port: int | None, timeout: float) -> None:
    """Ask a running server for its health; exit status 1 if it does not answer with 200."""
    from mockllm.remote import RemoteError, health

    if port is not None and url == URL:
        url = f"http://127.0.0.1:{port}"
    try:
        health(url, timeout)
    except RemoteError as error:
        fail(str(error))


def library_of(folders: tuple[Path, ...]) -> Library:
    """The shipped profiles and those of the given folders."""
    from mockllm.profile.library import Library

    return Library(folders)


def find(library: Library, profile: str) -> Loaded:
    """A profile by name or path, or the end with every problem."""
    from mockllm.profile.library import UnknownProfile
    from mockllm.profile.problems import ProfileError

    try:
        return library.find(profile)
    except (ProfileError, UnknownProfile) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{profile}: {error.strerror or error}")


def fail(message: str) -> NoReturn:
    """Say what is wrong on stderr, and end with status 1."""
    click.echo(message, err=True)
    sys.exit(1)
