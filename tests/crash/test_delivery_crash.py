"""The daemon dies while a delivery is in each of its states: all arrive after it, and only what a host had already taken comes twice."""
import pytest

import support
from faulty_hop import Fault, FaultyHop, says, silence
from plant import Plant

WAYS = {"plain": (), "chunked": ("PIPELINING", "CHUNKING")}
STAGES = {"plain": ("banner", "ehlo", "mail", "rcpt", "data", "content", "end"), "chunked": ("banner", "ehlo", "mail", "rcpt", "content", "end")}


def address(name):
    return f"u@{name}.test"


def hosts(hop):
    """One for each state, that stays in it; and those whose outcome is known but may not be written down yet."""
    made = {}
    for way, stages in STAGES.items():
        for stage in stages:
            made[f"{stage}-{way}"] = hop.add(f"{stage}-{way}", Fault(stage, silence), WAYS[way])
        made[f"refused-{way}"] = hop.add(f"refused-{way}", Fault("rcpt", says("451 4.3.0 later")), WAYS[way])
        made[f"well-{way}"] = hop.add(f"well-{way}", None, WAYS[way])
    return made


@pytest.mark.parametrize("forgetful", [False, True], ids=["killed", "power_cut"])
def test_in_every_state(forgetful):
    with support.folder() as home, FaultyHop() as hop:
        ports = hosts(hop)
        with Plant(home, forgetful) as plant:
            gateway = plant.gateway
            gateway.import_consents([address(n) for n in ports])
            gateway.settings["route"] = [{"domain": f"{n}.test", "host": "127.0.0.1", "port": p} for n, p in ports.items()]
            gateway.stop()
            plant.restart()
            client = gateway.login(tls="none")
            for name in ports:
                client.sendmail("news@sender.test", [address(name)], support.letter(address(name), id=name))
            support.wait_for(lambda: all(hop.hosts[n].struck or hop.hosts[n].taken for n in ports), "each delivery to come to its state")
            plant.kill()
            plant.restart()
            gateway.wait_delivered()
            for name in ports:
                taken = hop.hosts[name].taken
                acknowledged = [t for t in taken if t.acknowledged]
                stage = name.partition("-")[0]
                print(name, len(taken), len(acknowledged), hop.hosts[name].commands)  # shown where it fails
                if stage == "well":  # its answer may have come too late to be written down
                    assert 1 <= len(acknowledged) <= 2
                else:
                    assert len(acknowledged) == 1
                    assert len(taken) == (2 if stage == "end" else 1)
                assert all(t.recipients == (address(name),) for t in taken)
            gateway.cli("journal", "verify")


def test_killed_as_the_answer_arrives():
    """Between a host's 250 and the commit of the outcome: it comes again, once, and is counted once."""
    with support.folder() as home, FaultyHop() as hop:
        with Plant(home, forgetful=True) as plant:
            async def answer_and_kill(talk, normal):
                await talk.say(normal)
                plant.gateway.process.kill()
                return normal
            port = hop.add("late", Fault("end", answer_and_kill), WAYS["chunked"])
            gateway = plant.gateway
            gateway.import_consents([address("late")])
            gateway.settings["route"] = [{"domain": "late.test", "host": "127.0.0.1", "port": port}]
            gateway.stop()
            plant.restart()
            gateway.login(tls="none").sendmail("news@sender.test", [address("late")], support.letter(address("late")))
            gateway.process.wait(support.PATIENCE_S)
            plant.restart()
            gateway.wait_delivered()
            assert len(hop.hosts["late"].taken) in (1, 2)
            counted = gateway.cli("journal", "tail", "--kind", "delivered", "-n", "10", "--json").splitlines()
            assert len(counted) == 1
