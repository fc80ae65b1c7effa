"""A short run of script/stress: sessions that act at once, each of which checks every response. WAXWING_STRESS_SEED repeats the choices."""

import os
import secrets

import stress
from conftest import new_account


def test_sessions_that_run_beside_each_other_hear_one_truth(server):
    seed = int(os.environ.get("WAXWING_STRESS_SEED", secrets.randbelow(1 << 30)))
    accounts = [new_account(server) for _ in range(2)]
    print(stress.run(accounts, float(os.environ.get("WAXWING_STRESS_SECONDS", "10")), seed, 12))
    server.command("check")
