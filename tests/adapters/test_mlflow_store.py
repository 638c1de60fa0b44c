"""MLflow's database: made once whoever comes first, entered quietly, and with artifacts where they belong."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shared.errors import Unavailable
from shared.mlflow_store import main, prepare, quieten
from tests.adapters.mlflow_stores import MlflowStore, Prepared, connected, store_in


def test_processes_that_start_at_once_share_one_sound_database(prepared_mlflow: Prepared) -> None:
    """Left to MLflow, all but one break; nothing is printed either."""
    with closing(sqlite3.connect(prepared_mlflow.database)) as database:
        sound = database.execute("pragma integrity_check").fetchone()
        names = database.execute("select name from experiments where experiment_id = 0").fetchall()

    assert prepared_mlflow.ends == [("", 0)] * 2
    assert (sound, names) == (("ok",), [("Default",)])
    assert prepared_mlflow.store.artifacts.is_dir()


def test_preparing_again_keeps_what_is_there(mlflow_store: MlflowStore) -> None:
    """Every start of the services does it."""
    experiment = mlflow_store.client.create_experiment("kept")

    prepare(mlflow_store.uri, mlflow_store.artifacts)

    assert mlflow_store.client.get_experiment(experiment).name == "kept"


def test_artifacts_of_new_experiments_lie_in_the_folder(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """MLflow's own default is the working directory."""
    run = mlflow_store.client.create_run(mlflow_store.client.create_experiment("artifacts"))
    (tmp_path / "note.txt").write_text("hello")

    mlflow_store.client.log_artifact(run.info.run_id, str(tmp_path / "note.txt"))

    assert [path.read_text() for path in mlflow_store.artifacts.rglob("note.txt")] == ["hello"]


def test_server_s_database_is_left_alone(tmp_path: Path) -> None:
    """An MLflow server migrates its own; nothing is asked of it, so it need not even run."""
    store = MlflowStore("http://127.0.0.1:9", tmp_path / "artifacts")

    with connected(store):
        prepare(store.uri, store.artifacts)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["a folder", "a text"])
def test_what_is_no_database_is_unavailable(tmp_path: Path, content: str) -> None:
    """It is not written over, and found out at once."""
    store, database = store_in(tmp_path), tmp_path / "mlflow.db"
    if content == "a folder":
        database.mkdir()
    else:
        database.write_text(content * 1000)

    with connected(store), pytest.raises(Unavailable) as refused:
        prepare(store.uri, store.artifacts)

    assert refused.value.reason == "MLFLOW_UNAVAILABLE"
    assert database.is_dir() or database.read_text() == content * 1000


def test_command_ends_with_one_line_where_it_cannot_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For `counterfoil up` and for people."""
    (tmp_path / "file").write_text("in the way")
    store = store_in(tmp_path / "file")
    monkeypatch.setenv("COUNTERFOIL_MLFLOW_URI", store.uri)
    monkeypatch.setenv("COUNTERFOIL_MLFLOW_ARTIFACTS", str(store.artifacts))

    with connected(store):
        code = main()

    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert printed.err.startswith("error: MLflow cannot be used now")
    assert printed.err.endswith("(MLFLOW_UNAVAILABLE)\n")
    assert printed.err.count("\n") == 1


def test_quiet_is_the_default_and_not_forced() -> None:
    """An operator may turn a setting on again."""
    environ = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}

    quieten(environ)

    assert environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "5"
    assert environ["MLFLOW_DISABLE_TELEMETRY"] == environ["DO_NOT_TRACK"] == "true"
    assert environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
