"""The seed's three tables as views, written with the sqlite3 tool beside a live server."""

import glob
import os
import random
import time

import lib
from lib import expect, message, same
from server import Server

USER, OTHER = "usuario@virtual.test", "otra@virtual.test"


def logs_in(server, user, password=lib.PASSWORD):
    try:
        server.login(user, password).logout()
        return True
    except Exception:
        return False


def rcpt(server, address):
    with server.dialog() as smtp:
        smtp.greeted()
        smtp.ask("MAIL FROM:<remitente@fuera.example>")
        return smtp.ask(f"RCPT TO:<{address}>")


def soon(question, what):
    lib.eventually(question, 2.0, what)


def rows(server, query):
    return sorted(server.sql(query).split())


def users(tests, server):
    with tests("INSERT of a domain and users takes effect"):
        server.sql(f"INSERT INTO dominios VALUES ('virtual.test'); INSERT INTO usuarios VALUES ('{USER}','secreto');"
                   f"INSERT INTO usuarios (email,password) VALUES ('{OTHER}','secreto');")
        soon(lambda: logs_in(server, USER) and logs_in(server, OTHER), "login")
        for user in (USER, OTHER):
            server.send(user, message("m-" + user.split("@")[0], user))
        server.verify()

    with tests("a second INSERT of the same row is refused, and changes nothing"):
        for text in ("INSERT INTO dominios VALUES ('virtual.test');", f"INSERT INTO usuarios VALUES ('{USER}','otra');",
                     "INSERT INTO dominios VALUES ('VIRTUAL.test');", f"INSERT INTO usuarios VALUES ('{USER.upper()}','otra');"):
            expect(server.sql(text, check=False).returncode != 0, f"accepted: {text}")
        time.sleep(1.2)
        expect(logs_in(server, USER), "the password changed")

    with tests("INSERT OR IGNORE of rows that exist changes nothing"):
        server.sql(f"INSERT OR IGNORE INTO dominios VALUES ('virtual.test'); INSERT OR IGNORE INTO usuarios VALUES ('{USER}','otra');",
                   check=False)
        time.sleep(1.2)
        same(rows(server, "SELECT dominio FROM dominios"), ["virtual.test"])
        same(rows(server, "SELECT email FROM usuarios"), sorted([USER, OTHER]))
        expect(logs_in(server, USER) and not logs_in(server, USER, "otra"), "the password changed")
        server.verify()

    with tests("REPLACE of a user changes the password and keeps the mail"):
        server.sql(f"REPLACE INTO usuarios VALUES ('{USER}','nueva');")
        soon(lambda: logs_in(server, USER, "nueva"), "login with the new password")
        expect(not logs_in(server, USER), "the old password still works")
        with server.login(USER, "nueva") as box:
            same(box.select(readonly=True)[1], [b"1"], "messages")
        server.sql(f"INSERT OR REPLACE INTO usuarios VALUES ('{USER}','secreto');")
        soon(lambda: logs_in(server, USER), "login")
        server.verify()

    with tests("REPLACE of a domain keeps its users and their mail"):
        server.sql("REPLACE INTO dominios VALUES ('virtual.test');")
        same(rows(server, "SELECT email FROM usuarios"), sorted([USER, OTHER]))
        for user in (USER, OTHER):
            same(server.ids(user), [f"<m-{user.split('@')[0]}@fuera.example>"], user)
        server.verify()

    with tests("UPDATE of a password"):
        server.sql(f"UPDATE usuarios SET password = 'cambiada' WHERE email = '{OTHER}';")
        soon(lambda: logs_in(server, OTHER, "cambiada"), "login")
        server.sql(f"UPDATE usuarios SET password = 'secreto' WHERE email = '{OTHER}';")
        soon(lambda: logs_in(server, OTHER), "login")

    with tests("no password stays readable, in the views or in the files"):
        same(server.sql("SELECT count(*) FROM usuarios WHERE password IS NOT NULL").strip(), "0", "passwords in usuarios")
        server.sql(f"UPDATE usuarios SET password = 'PalabraMuySecreta' WHERE email = '{OTHER}';")
        soon(lambda: logs_in(server, OTHER, "PalabraMuySecreta"), "login")

        def gone():
            return not any(b"PalabraMuySecreta" in open(path, "rb").read() for path in glob.glob(server.data + "/**", recursive=True)
                           if os.path.isfile(path))
        lib.eventually(gone, 5, "the password's erasure from every file")
        server.sql(f"UPDATE usuarios SET password = 'secreto' WHERE email = '{OTHER}';")
        soon(lambda: logs_in(server, OTHER), "login")

    with tests("a user of an unknown domain, and names that are no addresses, are refused"):
        for name in ("a@nadie.test", "sinarroba", "@virtual.test", "", "a@", "a b@virtual.test", "a@virtual.test@virtual.test"):
            text = f"INSERT INTO usuarios VALUES ('{name}','secreto');"
            expect(server.sql(text, check=False).returncode != 0, f"accepted: {text}")
        server.verify()


def forwardings(tests, server):
    with tests("INSERT, UPDATE, REPLACE and DELETE of a forwarding take effect"):
        server.sql(f"INSERT INTO forwardings VALUES ('alias@virtual.test','{USER}');")
        soon(lambda: rcpt(server, "alias@virtual.test")[:3] == "250", "alias@ accepted")
        server.sql(f"UPDATE forwardings SET destino = '{USER},{OTHER}' WHERE origen = 'alias@virtual.test';")
        time.sleep(1.2)
        server.send("alias@virtual.test", message("dos"))
        expect(all("<dos@fuera.example>" in server.ids(user) for user in (USER, OTHER)), "not both have it")
        server.sql(f"REPLACE INTO forwardings VALUES ('alias@virtual.test','{OTHER}');")
        time.sleep(1.2)
        server.send("alias@virtual.test", message("uno"))
        expect("<uno@fuera.example>" in server.ids(OTHER) and "<uno@fuera.example>" not in server.ids(USER), "REPLACE had no effect")
        same(server.sql("SELECT count(*) FROM forwardings").strip(), "1", "rows")
        server.sql("DELETE FROM forwardings WHERE origen = 'alias@virtual.test';")
        soon(lambda: rcpt(server, "alias@virtual.test")[:9] == "550 5.1.1", "alias@ refused")
        server.verify()


def deletions(tests, server):
    with tests("DELETE of a domain that has users is refused or takes them along, never leaves them behind"):
        done = server.sql("DELETE FROM dominios WHERE dominio = 'virtual.test';", check=False)
        left = rows(server, "SELECT email FROM usuarios")
        if done.returncode:
            same(left, sorted([USER, OTHER]), "users after the refusal")
        else:
            same(left, [], "users without a domain")
        server.verify()

    with tests("DELETE of a user ends deliveries and logins, and verify stays clean"):
        server.sql(f"DELETE FROM usuarios WHERE email = '{OTHER}';")
        soon(lambda: rcpt(server, OTHER)[:3] == "550", "RCPT refused")
        expect(not logs_in(server, OTHER), "still logs in")
        server.verify()

    with tests("the same name again starts with an empty mailbox"):
        server.sql("INSERT OR IGNORE INTO dominios VALUES ('virtual.test');", check=False)
        server.sql(f"INSERT INTO usuarios VALUES ('{OTHER}','secreto');")
        soon(lambda: logs_in(server, OTHER), "login")
        same(server.messages(OTHER), [])
        server.verify()


def at_random(tests, server):
    """Many statements, some of them refused, while mail comes in: the database is consistent after all of them."""
    with tests("300 random statements beside deliveries"):
        dice = random.Random(20261124)
        domains, names = ["uno.test", "dos.test"], ["a", "b", "c", "@"]

        def address():
            return dice.choice(names).replace("@", "") + "@" + dice.choice(domains)
        for number in range(60):
            for _ in range(5):
                verb = dice.choice(["INSERT INTO", "INSERT OR IGNORE INTO", "REPLACE INTO"])
                text = dice.choice([
                    f"{verb} dominios VALUES ('{dice.choice(domains)}');", f"{verb} usuarios VALUES ('{address()}','x');",
                    f"{verb} forwardings VALUES ('{address()}','{address()}');", f"DELETE FROM usuarios WHERE email = '{address()}';",
                    f"UPDATE usuarios SET email = '{address()}' WHERE email = '{address()}';",
                    f"UPDATE forwardings SET origen = '{address()}' WHERE origen = '{address()}';",
                    f"DELETE FROM forwardings WHERE origen = '{address()}';",
                    f"DELETE FROM dominios WHERE dominio = '{dice.choice(domains)}';"])
                refused = server.sql(text, check=False).stderr
                expect("database is locked" not in refused and "no such function" not in refused, f"{text}: {refused}")
            with server.dialog() as smtp:
                smtp.greeted()
                smtp.ask("MAIL FROM:<remitente@fuera.example>")
                if smtp.ask(f"RCPT TO:<{address()}>")[:3] == "250":
                    smtp.data(message(f"azar-{number}"))
        server.verify()
        same(server.sql("PRAGMA foreign_key_check").strip(), "", "foreign keys")
        same(server.sql("PRAGMA integrity_check").strip(), "ok", "integrity")
        same(server.ids(USER)[:1], ["<dos@fuera.example>"], "the user beside all that")


def body(tests):
    with Server() as server:
        for part in (users, forwardings, deletions, at_random):
            part(tests, server)


lib.main(body)
