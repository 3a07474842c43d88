import socket

import pytest

from clara_ops.cli.laptop.ports import PortReservations, is_free


@pytest.fixture
def listener():
    """A server of someone else, on a port with free ones above it."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_with_a_listener_is_not_free(listener):
    assert not is_free(listener)


def test_a_taken_port_gives_the_next_free_one(tmp_path, listener):
    reservations = PortReservations(tmp_path)
    assert listener < reservations.reserve(listener) < listener + 200
    reservations.release()


def test_two_instances_that_start_at_once_never_choose_the_same_port(tmp_path):
    one, other = PortReservations(tmp_path), PortReservations(tmp_path)
    first, second = vars(one.choose()).values(), vars(other.choose()).values()
    assert not set(first) & set(second)
    one.release()
    other.release()


def test_a_released_port_can_be_chosen_again(tmp_path):
    one, other = PortReservations(tmp_path), PortReservations(tmp_path)
    port = one.reserve(28080)
    one.release()
    assert other.reserve(28080) == port
    other.release()


def test_no_free_port_at_all_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("clara_ops.cli.laptop.ports.is_free", lambda port: False)
    with pytest.raises(OSError, match="no free TCP port from 8080 to 8279: end some programs and try again"):
        PortReservations(tmp_path).reserve(8080)
