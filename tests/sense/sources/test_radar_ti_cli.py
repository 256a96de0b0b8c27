"""The command line of TI modules, played on a pseudo-terminal."""

import pytest

from drukte.sense.sources.radar_port import RadarError, open_port
from drukte.sense.sources.radar_ti_cli import Dialogue, TiCommandLine, read_lines

from .pseudo import Pseudo

CONFIGURATION = """% wall, 6 m
sensorStop
flushCfg

channelCfg 15 7 0  % all antennas
sensorStart
"""


class Board:
    """Answers like TI's command line: echo, message, verdict, prompt."""

    def __init__(self, **replies: str) -> None:
        self.replies = replies
        self.waiting = b""
        self.noise = b""
        self.commands: list[str] = []

    def __call__(self, data: bytes) -> bytes:
        self.waiting += data
        out = b""
        while b"\n" in self.waiting:
            line, self.waiting = self.waiting.split(b"\n", 1)
            text = (self.noise + line).decode("latin-1")
            command = text.split(" ")[0]
            self.commands.append(text)
            if self.noise:
                reply, self.noise = f"'{command}' is not recognized as a CLI command", b""
            else:
                reply = self.replies.get(command, "Done")
            prompt = "" if len(self.commands) == 1 else "\rmmwDemo:/>"
            out += f"{prompt}{text}\n{reply}\n\rmmwDemo:/>".replace("Done", "\rDone").encode("latin-1")
        return out


def configure(board: Board, text: str = CONFIGURATION) -> Dialogue:
    with Pseudo(board) as pseudo, open_port(pseudo.path, 115200) as port:
        return TiCommandLine(port, "/dev/radar").configure(read_lines(text), "wall.cfg")


def test_comments_and_empty_lines_are_not_sent() -> None:
    board = Board()
    done = configure(board)
    assert board.commands == ["sensorStop", "flushCfg", "channelCfg 15 7 0", "sensorStart"]
    assert done.sent == 4
    assert not done.running


def test_a_stop_that_was_not_needed_is_no_error() -> None:
    done = configure(Board(sensorStop="Ignored: Sensor is already stopped\nDone"))
    assert done.notes == ["Ignored: Sensor is already stopped"]
    assert not done.running


def test_a_running_module_is_noticed() -> None:
    assert configure(Board(sensorStart="Ignored: Sensor is already started\nDone")).running


def test_noise_from_power_up_costs_one_more_try() -> None:
    board = Board()
    board.noise = b"\xff\x00?"
    assert configure(board).sent == 4
    assert board.commands[1] == "sensorStop"


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ("Error -1", r"refuses 'channelCfg 15 7 0' \(wall.cfg, line 5\): Error -1"),
        ("'channelCfg' is not recognized as a CLI command", "firmware on the board may be another"),
        ("Error: Invalid usage of the CLI command", "Invalid usage"),
        ("Ignored: This command is not allowed after sensor has started\nDone", "unplug its power, wait 5 s"),
    ],
)
def test_a_refused_line_names_file_line_and_remedy(reply: str, says: str) -> None:
    with pytest.raises(RadarError, match=says):
        configure(Board(channelCfg=reply))


def test_a_board_that_wants_its_power_cycled_says_so() -> None:
    text = "Error: You have provided partial configuration between stop and this command and cannot be undone"
    with pytest.raises(RadarError, match="unplug its power"):
        configure(Board(sensorStart=text))


def test_no_answer_names_the_likely_reasons() -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            self.now += 0.05
            return self.now

    with Pseudo() as pseudo, open_port(pseudo.path, 115200) as port:
        line = TiCommandLine(port, "/dev/radar", clock=Clock(), sleep=lambda _s: None)
        with pytest.raises(RadarError, match=r"no answer to 'sensorStop' \(wall.cfg, line 2\)"):
            line.configure(read_lines(CONFIGURATION), "wall.cfg")


def test_the_shared_port_changes_its_speed_and_goes_slowly() -> None:
    board = Board()
    slept: list[float] = []

    with Pseudo(board) as pseudo, open_port(pseudo.path, 115200) as port:
        line = TiCommandLine(port, "pty", sleep=slept.append)
        line.configure(read_lines("sensorStop 0\nbaudRate 1250000\nsensorStart 0 0 0 0\n"), "low.cfg")
        assert port.baudrate == 1_250_000
    assert board.commands == ["sensorStop 0", "baudRate 1250000", "sensorStart 0 0 0 0"]
    assert slept.count(0.001) == len("sensorStart 0 0 0 0\n")
