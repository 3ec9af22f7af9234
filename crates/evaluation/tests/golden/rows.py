"""Writes rows_*.parquet: small tables of every type that evaluation::Rows reads. Needs pyarrow."""
import datetime as dt
from decimal import Decimal
import pyarrow as pa, pyarrow.parquet as pq

table = pa.table({
    "question": ["a?", "b?", "ü?"],
    "context": [["x", "y"], [], None],
    "answer": ["A", "B", "C"],
    "year": pa.array([1, -2, None], pa.int32()),
    "share": pa.array([0.1, 2.5, None], pa.float32()),
    "exact": pa.array([0.1, 1e300, -0.5], pa.float64()),
    "yes": [True, False, None],
    "who": [{"name": "n", "id": 7}, {"name": "m", "id": 8}, {"name": None, "id": 9}],
    "day": [dt.date(2024, 2, 29), dt.date(1970, 1, 1), None],
    "price": pa.array([Decimal("1.50"), Decimal("-0.07"), None], pa.decimal128(9, 2)),
    "big": pa.array([2**63, 2**64 - 1, 0], pa.uint64()),
    "bytes": pa.array([b"ok", b"\xc3\xbc", b""], pa.binary()),
})
for compression in ["none", "snappy", "gzip", "lz4", "zstd"]:
    pq.write_table(table, f"rows_{compression}.parquet", compression=compression, row_group_size=2)
