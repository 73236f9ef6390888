"""Servers that are found on networks of every kind, from machines of their own."""

import signal
import time

from tests.networks import connect, machines, make_switch


def test_network_without_a_gateway() -> None:
    with machines("server", "home") as (server, home):
        connect(server, "lan", home, "lan")
        server.ip("address", "add", "10.1.0.1/24", "dev", "lan")
        home.ip("address", "add", "10.1.0.2/24", "dev", "lan")
        process = server.serve("tcp://0.0.0.0:10200", "vietts")
        browsing = home.browse()
        browsing.wait_for(vietts={"10.1.0.1"})
        assert home.reaches("10.1.0.1", 10200)
        process.send_signal(signal.SIGTERM)
        browsing.wait_for()
        assert process.wait(10) == 0


def test_each_network_is_told_its_own_address() -> None:
    """Wherever the default route leads to, such as into a VPN."""
    with machines("server", "home", "vpn") as (server, home, vpn):
        for other, port, net in ((home, "lan", "10.1.0"), (vpn, "vpn", "10.8.0")):
            connect(server, port, other, "lan")
            server.ip("address", "add", f"{net}.1/24", "dev", port)
            other.ip("address", "add", f"{net}.2/24", "dev", "lan")
        server.ip("route", "add", "default", "via", "10.8.0.2")
        server.serve("tcp://0.0.0.0:10200", "vietts")
        at_home, in_vpn = home.browse(), vpn.browse()
        at_home.wait_for(vietts={"10.1.0.1"})
        in_vpn.wait_for(vietts={"10.8.0.1"})
        for _ in range(6):
            at_home.look()
            in_vpn.look()
            assert at_home.found == {"vietts": {"10.1.0.1"}}
            assert in_vpn.found == {"vietts": {"10.8.0.1"}}
        assert home.ask("10.1.0.2") == {"10.1.0.1"}
        assert vpn.ask("10.8.0.2") == {"10.8.0.1"}


def test_network_that_comes_late_and_changes() -> None:
    with machines("server", "home") as (server, home):
        process = server.serve("tcp://0.0.0.0:10200", "vietts")
        server.wait_for_log(process, "Ready on")
        line = server.wait_for_log(process, "Cannot announce")
        assert "no interface has an address" in line
        assert server.reaches("127.0.0.1", 10200)
        connect(server, "lan", home, "lan")
        home.ip("address", "add", "10.1.0.2/24", "dev", "lan")
        browsing = home.browse()
        for address in ("10.1.0.1", "10.1.0.77"):
            server.ip("address", "flush", "dev", "lan")
            server.ip("address", "add", f"{address}/24", "dev", "lan")
            browsing.wait_for(vietts={address})
            assert home.reaches(address, 10200)
        server.ip("link", "set", "lan", "down")
        server.wait_for_log(process, "Cannot announce")
        server.ip("link", "set", "lan", "up")
        server.wait_for_log(process, "Announced as 'vietts' at 10.1.0.77")
        process.terminate()
        assert process.wait(10) == 0


def test_both_versions_of_ip_are_announced_and_answered() -> None:
    with machines("server", "home") as (server, home):
        connect(server, "lan", home, "lan")
        for machine, number in ((server, 1), (home, 2)):
            machine.ip("address", "add", f"10.1.0.{number}/24", "dev", "lan")
            machine.ip("address", "add", f"fd01::{number}/64", "dev", "lan")
        server.serve("tcp://[::]:10200", "vietts")
        browsing = home.browse()
        browsing.wait_for(vietts={"10.1.0.1", "fd01::1"})
        assert home.reaches("10.1.0.1", 10200)
        assert home.reaches("fd01::1", 10200)


def test_only_the_address_that_is_listened_on_is_announced() -> None:
    with machines("server", "home") as (server, home):
        connect(server, "lan", home, "lan")
        for machine, numbers in ((server, (1, 7)), (home, (2,))):
            for number in numbers:
                machine.ip("address", "add", f"10.1.0.{number}/24", "dev", "lan")
        server.serve("tcp://10.1.0.7:10200", "vietts")
        home.browse().wait_for(vietts={"10.1.0.7"})


def test_second_machine_of_the_same_name_gets_a_number() -> None:
    with machines("one", "two", "home") as (one, two, home):
        make_switch(home)
        home.ip("address", "add", "10.1.0.9/24", "dev", "lan")
        for number, machine in enumerate((one, two), start=1):
            connect(machine, "lan", home, f"port{number}")
            home.ip("link", "set", f"port{number}", "master", "lan")
            machine.ip("address", "add", f"10.1.0.{number}/24", "dev", "lan")
        browsing = home.browse()
        one.serve("tcp://0.0.0.0:10200", "vietts")
        browsing.wait_for(vietts={"10.1.0.1"})
        process = two.serve("tcp://0.0.0.0:10200", "vietts")
        browsing.wait_for(vietts={"10.1.0.1"}, vietts_2={"10.1.0.2"})
        line = two.wait_for_log(process, "Another server")
        assert "announced as 'vietts': this one is 'vietts-2'" in line


def test_two_interfaces_on_one_network_are_one_server() -> None:
    """Such as a cable and a wireless network of the same house."""
    with machines("server", "home") as (server, home):
        make_switch(home)
        home.ip("address", "add", "fd01::9/64", "dev", "lan", "nodad")
        process = server.serve("tcp://[::]:10200", "vietts")
        for number in (1, 2):
            connect(server, f"lan{number}", home, f"port{number}")
            home.ip("link", "set", f"port{number}", "master", "lan")
            server.ip("address", "add", f"fd01::{number}/64", "dev", f"lan{number}", "nodad")
            line = server.wait_for_log(process, "Announced as")
            assert f"Announced as 'vietts' at fd01::{number}\n" in line
        browsing = home.browse()
        while not browsing.found:
            browsing.look()
        (addresses,) = browsing.found.values()
        assert addresses <= {"fd01::1", "fd01::2"}
        assert [*browsing.found] == ["vietts"]


def test_server_that_cannot_be_announced_serves_and_tries_again() -> None:
    with machines("server", "home") as (server, home):
        connect(server, "lan", home, "lan")
        server.ip("address", "add", "10.1.0.1/24", "dev", "lan")
        home.ip("address", "add", "10.1.0.2/24", "dev", "lan")
        selfish = server.start("tests.networks", "occupy", "5353")
        assert selfish.stdout is not None
        assert selfish.stdout.readline()
        process = server.serve("tcp://0.0.0.0:10200", "vietts")
        line = server.wait_for_log(process, "Cannot announce")
        assert " WARNING " in line
        assert "on lan yet: " in line
        assert "Address already in use" in line
        assert home.reaches("10.1.0.1", 10200)
        time.sleep(3)  # it has tried again
        selfish.terminate()
        home.browse().wait_for(vietts={"10.1.0.1"})
        process.terminate()
        log = process.communicate(timeout=20)[1]
    assert "WARNING" not in log, "one warning is enough"
    assert "ERROR" not in log
