"""What lies beside the data is written many files at a time, and listed in the order it was given."""

import threading

from resift.model.document import sha256_hex
from resift.steps.extras import write_extras
from resift.storage import MemoryStore


class Meeting(MemoryStore):
    """Writes nothing before four writers are there."""

    def __init__(self):
        super().__init__()
        self.everybody_is_here = threading.Barrier(4, timeout=30)

    def put(self, key, body):
        self.everybody_is_here.wait()
        return super().put(key, body)


def test_files_are_written_side_by_side_and_listed_in_order_with_size_and_digest():
    store = Meeting()
    bodies = {f"quality/{name}": name.encode() * 3 for name in ("d", "a", "cc", "b")}

    extras = write_extras(store, "datasets/d/", bodies)

    assert [extra.path for extra in extras] == list(bodies)
    for extra in extras:
        body = store.get(f"datasets/d/{extra.path}")
        assert body == bodies[extra.path]
        assert (extra.size_bytes, extra.sha256) == (len(body), sha256_hex(body))
