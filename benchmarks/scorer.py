"""The scorer's throughput beside a bare echo and a plain scorer, on the same core: `python -m benchmarks.scorer`.

Servers share core 0, h2load has core 1; sides take turns, and the median over the rounds of the ratios counts. The
scorer is the real process with an MLflow of its own: Score of a dense vector of 200 features with the principal
reasons (EXPLAIN_REASONS), each answer on disk before it is sent. Ratios with all 200 contributions in reply and record
are printed, too, and those to a lean plain scorer, which does without shap.TreeExplainer. With `--peers` it is also
held against MLServer and PyTriton (benchmarks.peers), which answer with the probability alone and record nothing, over
the Open Inference Protocol: by its own Score, and by that protocol's ModelInfer with reasons. Exits 1 below a bar.
Needs h2load, two cores and Linux.
"""

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.h2load import Load, fire, require_h2load
from benchmarks.models import MODELS, SCHEMA, publish, train
from benchmarks.peers import INFER, infer_request, install, peers
from benchmarks.sides import echo
from benchmarks.sides.running import Side, asked, free_port, module, running
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import explanation_pb2, feature_pb2, prediction_pb2

SERVER, GENERATOR = 0, 1
ROUNDS, SECONDS = 5, 3
SCORE = "/counterfoil.scorer.v1.ScorerService/Score"
BARS = {
    "echo_M100": 0.70,
    "echo_M1000": 0.40,
    "one_in_flight": 0.25,
    "plain_M100": 5.0,
    "plain_M1000": 5.0,
    "two_processes": 1.7,
    "mlserver": 1.0,
    "pytriton": 1.0,
}
P99_MS = 40.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 0 if every figure reaches its bar, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scorer")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds of each comparison (default: {ROUNDS})")
    parser.add_argument("--peers", action="store_true", help="measure MLServer and PyTriton, too (installs them)")
    options = parser.parse_args(arguments)
    require_h2load()
    if options.peers:
        install()
    with TemporaryDirectory() as folder, ExitStack() as stack:
        environments = {name: publish(name, _made(Path(folder) / name)) for name in MODELS}
        sides = {name: stack.enter_context(scorer(environments[name], Path(folder) / f"{name}-one")) for name in MODELS}
        sides["echo"] = stack.enter_context(_echo())
        sides |= {f"plain_{name}": stack.enter_context(_plain(name, Path(folder))) for name in MODELS}
        sides |= {f"lean_{name}": stack.enter_context(_plain(name, Path(folder), "lean")) for name in MODELS}
        figures, p99_ms = at_64(sides, options.rounds)
        figures["one_in_flight"] = one_in_flight(sides, options.rounds)
        figures["two_processes"] = two_processes(
            sides["M100"], environments["M100"], Path(folder) / "two", options.rounds
        )
        if options.peers:
            figures |= beside_peers(sides["M100"], Path(folder), options.rounds)
    for name, figure in figures.items():
        print(f"scorer {name} {figure:.2f} times" + (f" (bar ≥ {BARS[name]})" if name in BARS else ""))
    print(f"scorer p99_M100 {p99_ms:.1f} ms (bar ≤ {P99_MS:.0f})")
    return int(p99_ms > P99_MS or any(figure < BARS.get(name, 0.0) for name, figure in figures.items()))


def request(explain: explanation_pb2.Explain.ValueType = explanation_pb2.EXPLAIN_REASONS) -> bytes:
    """Return the call that every side gets: a dense vector of an applicant."""
    _, rows = train(1, 2)
    vector = feature_pb2.DenseVector(schema_digest=SCHEMA.digest, values=rows[0])
    return scorer_pb2.ScoreRequest(
        purpose=prediction_pb2.PURPOSE_DECISION, subject=scorer_pb2.Subject(vector=vector), explain=explain
    ).SerializeToString()


@contextmanager
def scorer(
    environment: Mapping[str, str], state: Path, *, cores: Sequence[int] = (SERVER,), workers: int = 1
) -> Iterator[Side]:
    """Run the scorer with its state in the folder."""
    port = free_port()
    variables = {
        **environment,
        "COUNTERFOIL_SCORER_ADDRESS": f"127.0.0.1:{port}",
        "COUNTERFOIL_MONITOR_ADDRESS": f"127.0.0.1:{free_port()}",
        "COUNTERFOIL_STATE_DIR": str(state),
        "COUNTERFOIL_SCORER_WORKERS": str(workers),
    }
    name = f"{environment['COUNTERFOIL_MODEL']} x {workers}"
    command = module("services.scorer")
    with running(name, command, port=port, path=SCORE, request=request(), cores=cores, environment=variables) as side:
        yield side


@contextmanager
def _echo() -> Iterator[Side]:
    port, path = free_port(), f"/{echo.SERVICE}/{echo.METHOD}"
    command = module("benchmarks.sides.echo", str(port))
    with running("echo", command, port=port, path=path, request=request(), cores=(SERVER,)) as side:
        yield side


@contextmanager
def _plain(name: str, folder: Path, *lean: str) -> Iterator[Side]:
    port = free_port()
    command = module("benchmarks.sides.plain", str(port), str(_model_text(name, folder)), *lean)
    with running(f"plain {name}", command, port=port, path=SCORE, request=request(), cores=(SERVER,)) as side:
        yield side


def at_64(sides: Mapping[str, Side], rounds: int) -> tuple[dict[str, float], float]:
    """Return the ratios with 64 calls in flight, and the median of M100's slowest hundredths in milliseconds."""
    everything = request(explanation_pb2.EXPLAIN_ALL)
    whole = {
        f"{name}_all": replace(sides[name], target=replace(sides[name].target, request=everything)) for name in MODELS
    }
    loads = in_turn({**sides, **whole}, rounds, lambda side: _load(side, clients=1, in_flight=64))
    figures = {f"echo_{name}": _ratio(loads[name], loads["echo"]) for name in (*MODELS, *whole)}
    figures |= {
        f"{kind}_{name}": _ratio(loads[name], loads[f"{kind}_{name}"]) for kind in ("plain", "lean") for name in MODELS
    }
    figures["echo_to_plain_M100"] = _ratio(loads["echo"], loads["plain_M100"])
    return figures, statistics.median(load.p99_ms for load in loads["M100"])


def one_in_flight(sides: Mapping[str, Side], rounds: int) -> float:
    """Return M100's ratio to the echo where each call waits for the one before: the disk is in the way of each."""
    chosen = {name: sides[name] for name in ("echo", "M100")}
    loads = in_turn(chosen, rounds, lambda side: _load(side, clients=1, in_flight=1))
    return _ratio(loads["M100"], loads["echo"])


def two_processes(one: Side, environment: Mapping[str, str], state: Path, rounds: int) -> float:
    """Return how many times the answers of one process on one core two have on both, which h2load shares then."""

    def load(side: Side) -> Load:
        """Keep 64 calls in flight a process, over connections enough for both to get their share."""
        if side is one:
            return _load(side, clients=16, in_flight=4)
        return _load(side, clients=32, in_flight=4, cores=(SERVER, GENERATOR))

    with scorer(environment, state, cores=(SERVER, GENERATOR), workers=2) as two:
        loads = in_turn({"one": one, "two": two}, rounds, load)
    return _ratio(loads["two"], loads["one"])


def beside_peers(ours: Side, folder: Path, rounds: int) -> dict[str, float]:
    """Return M100's ratios to servers that give the probability alone, by Score and by the protocol they share."""
    inferring = replace(ours.target, path=INFER, request=infer_request(explain="reasons"))
    infer = replace(ours, target=replace(inferring, least_reply=len(asked(inferring)) // 2))
    with peers(_model_text("M100", folder), folder, SERVER) as theirs:
        sides = {"Score": ours, "ModelInfer": infer, **theirs}
        loads = in_turn(sides, rounds, lambda side: _load(side, clients=1, in_flight=64))
    by_score = {name: _ratio(loads["Score"], loads[name]) for name in theirs}
    return by_score | {f"{name}_infer": _ratio(loads["ModelInfer"], loads[name]) for name in theirs}


def in_turn(sides: Mapping[str, Side], rounds: int, load: Callable[[Side], Load]) -> dict[str, list[Load]]:
    """Return what each side did in each round, one side after the other."""
    loads: dict[str, list[Load]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            loads[name].append(load(side))
    for name, each in loads.items():
        figures = ", ".join(f"{load.per_second:.0f}/s p99 {load.p99_ms:.1f} ms" for load in each)
        print(f"{name:10} {figures}", flush=True)
    return loads


def _load(side: Side, *, clients: int, in_flight: int, cores: Sequence[int] = (GENERATOR,)) -> Load:
    return fire(side.target, clients=clients, in_flight=in_flight, seconds=SECONDS, cores=cores)


def _ratio(ours: Sequence[Load], theirs: Sequence[Load]) -> float:
    return statistics.median(mine.per_second / other.per_second for mine, other in zip(ours, theirs, strict=True))


def _model_text(name: str, folder: Path) -> Path:
    return folder / name / "bundle" / "model.txt"


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
