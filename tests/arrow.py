"""Arrow IPC streams as clients write them, and as nobody should."""

import io
import random
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def table_of(names: Sequence[str], values: NDArray[np.float64]) -> pa.Table:
    """Return rows (n_rows, n_columns) as a table, NaN as null."""
    columns = [pa.array(each, mask=np.isnan(each)) for each in values.T]
    return pa.table(dict(zip(names, columns, strict=True)))


def stream_of(table: pa.Table, *, rows_a_batch: int | None = None, **options: object) -> bytes:
    """Return the table as pyarrow writes a stream."""
    content = io.BytesIO()
    with pa.ipc.new_stream(content, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=rows_a_batch)
    return content.getvalue()


def damaged(chance: random.Random, content: bytes) -> bytes:
    """Return the bytes changed, cut off, lengthened, shortened or with an extreme number in them."""
    found, place = bytearray(content), chance.randrange(len(content))
    match chance.randrange(5):
        case 0:
            for _ in range(chance.randint(1, 4)):
                found[chance.randrange(len(found))] = chance.randrange(256)
        case 1:
            del found[place:]
        case 2:
            found[place:place] = chance.randbytes(chance.randint(1, 16))
        case 3:
            del found[place : place + chance.randint(1, 16)]
        case _:
            extreme = chance.choice((b"\xff" * 8, bytes(8), b"\xff\xff\xff\x7f" * 2, chance.randbytes(8)))
            size = chance.choice((2, 4, 8))
            found[place : place + size] = extreme[:size]
    return bytes(found)
