"""Downloads, against a server on this machine that breaks off, lies, or cannot be reached."""

import gzip
import hashlib
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from optlab.experiments.data import DataError, fetch

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT, or the first `breaks_off` bytes of an answer before it hangs up."""

    content = CONTENT
    breaks_off: int | None = None
    can_resume = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []  # for each request, its Range
        self.url = f"http://127.0.0.1:{self.server_port}/things.gz"

    def handle_error(self, *args):
        pass  # a client that was hung up on


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked = self.server, self.headers["Range"]
        server.asked.append(asked)
        start = 0
        if asked and server.can_resume:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
        if start >= len(server.content):
            self.send_error(416)
            return
        rest = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: server.breaks_off])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("OPTLAB_DATA", str(tmp_path))
    monkeypatch.setattr(fetch, "RETRIES", 0)
    return tmp_path


def files(folder):
    """What is left in the folder, beside its lock."""
    return sorted(p.name for p in folder.rglob("*") if p.is_file() and p.name != ".lock")


def refusal(server, name="sub/things.gz"):
    with pytest.raises(DataError) as error:
        fetch.fetch(name, server.url, SHA256)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_file_is_downloaded_once(server, here):
    path = fetch.fetch("sub/things.gz", server.url, SHA256)
    assert path == here / "sub" / "things.gz"
    assert path.read_bytes() == CONTENT
    assert fetch.fetch("sub/things.gz", server.url, SHA256) == path
    assert server.asked == [None]
    assert files(here) == ["things.gz"]


def test_an_interrupted_download_goes_on_where_it_broke_off(server, here):
    server.breaks_off = 102_400
    message = refusal(server)
    assert re.search(r"cannot download .*/things.gz .*run again .*continues", message)
    assert files(here) == ["things.gz.part"]
    server.breaks_off = None
    assert fetch.fetch("sub/things.gz", server.url, SHA256).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=102400-"]
    assert files(here) == ["things.gz"]


def test_it_goes_on_by_itself_within_one_call(server, here, monkeypatch):
    monkeypatch.setattr(fetch, "RETRIES", 1)
    server.breaks_off = 307_200
    assert fetch.fetch("things.gz", server.url, SHA256).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=307200-"]


def test_a_server_that_cannot_resume_starts_over(server, here):
    (here / "things.gz.part").write_bytes(CONTENT[:1000])
    server.can_resume = False
    assert fetch.fetch("things.gz", server.url, SHA256).read_bytes() == CONTENT


@pytest.mark.parametrize("part", [CONTENT, CONTENT + b"more"])
def test_a_part_as_long_as_the_file_does_not_block(server, here, part):
    (here / "things.gz.part").write_bytes(part)
    assert "416" not in refusal(server, "things.gz")
    assert fetch.fetch("things.gz", server.url, SHA256).read_bytes() == CONTENT


def test_other_bytes_are_refused_and_not_kept(server, here):
    server.content = CONTENT[:-1] + b"?"
    assert re.search(r"other bytes .*try again later, or put things.gz into", refusal(server))
    assert files(here) == []


def test_a_wrong_part_does_not_spoil_the_next_try(server, here):
    (here / "things.gz.part").write_bytes(b"x" * 1000)
    assert "other bytes" in refusal(server, "things.gz")
    assert fetch.fetch("things.gz", server.url, SHA256).read_bytes() == CONTENT


def test_a_damaged_file_is_named_and_neither_used_nor_replaced(server, here):
    (here / "things.gz").write_bytes(CONTENT[:-1])
    message = refusal(server, "things.gz")
    assert message.startswith(f"{here / 'things.gz'} is damaged")
    assert "delete it and run again" in message
    assert server.asked == []
    assert (here / "things.gz").read_bytes() == CONTENT[:-1]


def test_offline_says_where_the_file_belongs(server, here):
    server.server_close()
    message = refusal(server)
    assert re.search(r"cannot download .*\(ConnectionError\): run again when it can be", message)
    assert f"or put things.gz into {here / 'sub'}" in message


def test_a_folder_that_cannot_be_written_to_says_which_setting(server, here, monkeypatch):
    blocked = here / "blocked"
    blocked.write_text("a file, not a folder")
    monkeypatch.setenv("OPTLAB_DATA", str(blocked))
    assert re.search(r"cannot write .*set OPTLAB_DATA", refusal(server))


class Stubborn(BaseHTTPRequestHandler):
    """Servers that never come to an end."""

    def do_GET(self):
        kind, start = self.server.kind, self.headers["Range"]
        self.server.asked.append(start)
        try:
            if kind == "endless header":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
                self.drip(1)
            elif kind == "silent":
                self.server.over.wait(20)
            elif kind == "declared":
                self.start({"Content-Length": str(10**12)})
                self.drip(100_000)
            elif kind == "endless":
                self.start({})
                while not self.server.over.is_set():
                    self.wfile.write(bytes(100_000))
            elif kind == "bomb":  # a packed answer, though none was asked for
                packed = gzip.compress(bytes(20_000_000))
                self.start({"Content-Encoding": "gzip", "Content-Length": str(len(packed))})
                self.wfile.write(packed)
            elif kind == "drip":
                self.start({"Content-Length": str(len(CONTENT))})
                self.wfile.write(CONTENT[:5000])
                self.drip(1)
        except OSError:
            self.server.hung_up.set()

    def start(self, headers):
        self.send_response(200)
        for item in headers.items():
            self.send_header(*item)
        self.end_headers()

    def drip(self, size):
        while not self.server.over.wait(0.02):
            self.wfile.write(b"x" * size)
            self.wfile.flush()

    def log_message(self, *args):
        pass


@pytest.fixture
def stubborn(monkeypatch):
    monkeypatch.setattr(fetch, "LARGEST", 2_000_000)
    monkeypatch.setattr(fetch, "PATIENCE", 0.5)
    monkeypatch.setattr(fetch, "LEAST", 10_000)
    server = Server()
    server.RequestHandlerClass = Stubborn
    server.over, server.hung_up = threading.Event(), threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("kind", ["endless", "declared"])
def test_a_download_without_an_end_is_cut_off_at_the_largest_size(stubborn, here, kind):
    stubborn.kind = kind
    (here / "sub").mkdir()
    (here / "sub" / "things.gz.part").write_bytes(b"x" * 10)
    message = refusal(stubborn)
    assert "sends more than 2000000 bytes, which is not what was published" in message
    assert f"or put things.gz into {here / 'sub'}" in message
    assert files(here) == []
    assert stubborn.hung_up.wait(5)


@pytest.mark.parametrize("kind", ["drip", "silent", "endless header"])
def test_a_download_that_is_too_slow_is_broken_off(stubborn, here, kind, monkeypatch):
    monkeypatch.setattr(fetch, "RETRIES", 3)
    stubborn.kind = kind
    begun = time.monotonic()
    message = refusal(stubborn)
    assert time.monotonic() - begun < 15
    assert re.search(r"cannot download .*(fewer than 10000 bytes in 0.5 seconds|Timeout)", message)
    assert "continues where it broke off" in message
    (part,) = (here / "sub").glob("*.part")
    if kind == "drip":
        assert part.read_bytes().startswith(CONTENT[:5000])


def test_a_packed_answer_is_not_unpacked(stubborn, here):
    stubborn.kind = "bomb"
    assert "other bytes" in refusal(stubborn)
    assert files(here) == []


def test_a_file_that_is_there_needs_no_folder_to_write_to(server, here, monkeypatch):
    (here / "things.gz").write_bytes(CONTENT)
    monkeypatch.setattr(fetch, "FileLock", lambda *_, **__: pytest.fail("locked"))
    assert fetch.fetch("things.gz", server.url, SHA256).read_bytes() == CONTENT
    assert server.asked == []


def test_what_cannot_be_read_is_said_in_one_line(server, here):
    (here / "things.gz").mkdir()
    assert re.search(r"cannot read .*things.gz \(.*\): delete it", refusal(server, "things.gz"))


def test_a_file_that_is_too_large_is_damaged(server, here, monkeypatch):
    (here / "things.gz").write_bytes(CONTENT)
    monkeypatch.setattr(fetch, "LARGEST", 1000)
    assert "is damaged" in refusal(server, "things.gz")


def test_another_process_that_downloads_for_ever_is_named(server, here, monkeypatch):
    monkeypatch.setattr(fetch, "WAITING", 0.1)
    with fetch.FileLock(here / ".lock"):
        other = threading.Thread(target=lambda: messages.append(refusal(server)))
        messages = []
        other.start()
        other.join()
    assert re.search(r"another process has been downloading .*: stop it and run again", messages[0])


def test_the_default_folder_is_the_users(monkeypatch):
    monkeypatch.delenv("OPTLAB_DATA", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert fetch.folder().name == "optlab"
    monkeypatch.setenv("OPTLAB_DATA", "~/elsewhere")
    assert fetch.folder().name == "elsewhere"
    assert "~" not in str(fetch.folder())


def test_importing_the_experiments_says_nothing_in_a_notebook():
    """Outputs of notebooks are compared: a warning at import would be one."""
    cells = ["from optlab import experiments", "experiments.data.fetch._pooch();"]
    book = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    NotebookClient(book, kernel_name="python3").execute()
    assert [cell.outputs for cell in book.cells] == [[], []]
