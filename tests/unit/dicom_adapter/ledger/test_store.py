import threading

import pytest
from sqlalchemy import insert, select

from clara_stages.dicom_adapter.ledger import Ledger, LedgerError
from clara_stages.dicom_adapter.ledger.schema import about


def put(key):
    return lambda connection: connection.execute(insert(about).values(key=key, value="x")) and key


def keys(connection):
    return {row.key for row in connection.execute(select(about.c.key))}


def test_operations_of_many_threads_are_all_committed(ledger):
    threads = [threading.Thread(target=lambda n=n: ledger.write(put(f"k{n}"))) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {f"k{n}" for n in range(40)} <= ledger.read(keys)


def test_an_operation_that_fails_leaves_nothing_and_harms_no_other_of_its_batch(ledger):
    def fail(connection):
        put("half")(connection)
        raise ValueError("no")

    futures = [ledger.submit(operation) for operation in (put("before"), fail, put("after"))]
    with pytest.raises(ValueError, match="no"):
        futures[1].result(10)
    assert (futures[0].result(10), futures[2].result(10)) == ("before", "after")
    assert "half" not in ledger.read(keys)
    assert {"before", "after"} <= ledger.read(keys)


def test_a_transaction_that_the_database_gives_up_is_reported_to_all_who_were_in_it(ledger):
    go = threading.Event()

    def give_up(connection):
        connection.exec_driver_sql("ROLLBACK")  # as SQLite does on its own when the disk is full
        raise ValueError("no")

    ledger.submit(lambda _connection: go.wait(10))
    futures = [ledger.submit(operation) for operation in (put("before"), give_up, put("after"))]
    go.set()
    for future in futures:
        with pytest.raises(LedgerError, match="the database gave a transaction up"):
            future.result(10)
    assert not {"before", "after"} & ledger.read(keys)
    assert ledger.write(put("later")) == "later"


def test_sqlite_is_synchronised_fully(ledger):
    assert ledger.read(lambda c: c.exec_driver_sql("PRAGMA synchronous").scalar()) == 2
    assert ledger.read(lambda c: c.exec_driver_sql("PRAGMA journal_mode").scalar()) == "wal"


def test_a_ledger_of_another_installation_is_refused(ledger):
    other = Ledger(ledger.url, installation="elsewhere")
    with pytest.raises(LedgerError, match="has installation 'test', expected 'elsewhere'"):
        other.open()


@pytest.mark.parametrize("url", ["nonsense://x", "sqlite:////no/such/folder/l.sqlite"])
def test_a_database_that_cannot_be_used_is_named(url):
    with pytest.raises((LedgerError, ValueError), match=r"the ledger .* cannot be (used|opened)"):
        Ledger(url, installation="x").open()


def test_the_password_of_a_database_stays_out_of_the_error():
    with pytest.raises(LedgerError) as error:
        Ledger("postgresql+nosuchdriver://me:secret@host/db", installation="x").open()
    assert "secret" not in str(error.value)
