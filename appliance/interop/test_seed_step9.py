"""The seed's steps 9 and 10, typed: a plain TCP client, two INSERTs on a live server, and each row of the table."""

import lib
from lib import expect, same

USER = "usuario@virtual.test"


def step9(tests, server):
    with tests("step 9: the two INSERTs with sqlite3 on a live server"):
        server.sql("INSERT INTO dominios (`dominio`) VALUES ('virtual.test');\n"
                   f"INSERT INTO usuarios (`email`,`password`) VALUES ('{USER}','secreto');")

    with tests("step 9: within 2 s the user can log in, and the password is nowhere to be read"):
        lib.eventually(lambda: can_log_in(server), 2.0, "login after INSERT")
        same(server.sql("SELECT ifnull(password, 'NULL') FROM usuarios").strip(), "NULL", "usuarios.password")

    with tests("step 9: the conversation as printed"), server.dialog() as smtp:
        expect(" ESMTP" in smtp.reply(), "the greeting does not say ESMTP")
        answer = smtp.ask("ehlo uadec.mx")
        for word in ("PIPELINING", "SIZE ", "8BITMIME", "ETRN"):
            expect(f"-{word}" in answer or f" {word}" in answer, f"EHLO does not announce {word}: {answer}")
        same(smtp.ask("mail from:<alejandro@barcena.com.mx>")[:4], "250 ", "mail from")
        same(smtp.ask(f"rcpt to:<{USER}>")[:4], "250 ", "rcpt to")
        same(smtp.ask("data")[:4], "354 ", "data")
        smtp.raw(b"Este es un correo de prueba.\r\n")
        same(smtp.ask(".")[:4], "250 ", "end of data")
        same(smtp.ask("quit")[:4], "221 ", "quit")
        same(smtp.line(), "", "the connection after QUIT")

    wanted = b"Este es un correo de prueba.\r\n"
    with tests("step 9: the mail by POP3, an empty line before the text"):
        pop = server.pop(USER)
        lib.eventually(lambda: server.messages(USER), 5)
        pop.quit()
        pop = server.pop(USER)
        same(pop.stat()[0], 1, "messages")
        text = b"\r\n".join(pop.retr(1)[1]) + b"\r\n"
        pop.quit()
        check_trace(text, wanted)

    with tests("step 9: the mail by IMAP, an empty line before the text"):
        (text,) = server.messages(USER)
        check_trace(text, wanted)

    with tests("step 9: a wrong password is refused on POP3 and IMAP"):
        for login in (server.pop, server.login):
            try:
                login(USER, "otro")
            except Exception as refusal:
                expect(not isinstance(refusal, OSError), f"connection lost instead of a refusal: {refusal}")
            else:
                raise lib.Failure(f"{login.__name__} accepted a wrong password")


def can_log_in(server):
    import imaplib
    try:
        server.login(USER).logout()
        return True
    except imaplib.IMAP4.error:
        return False


def check_trace(text, wanted):
    header, _, body = text.partition(b"\r\n\r\n")
    same(body, wanted, "text after the trace headers")
    expect(b"\r\nReceived: " in b"\r\n" + header, "no Received header")
    same(header.split(b"\r\n")[0], b"Return-Path: <alejandro@barcena.com.mx>", "first line")


def step10(tests, server):
    """Each row gets domains of its own, and what it says is tried. A recipient outside is read from the queue."""
    users = ["alejandro@uno.test", "m77@dos.test", "webmaster@dos.test", "m77@otro.test", "alejandro@cuatro.test"]
    domains = ["uno.test", "dos.test", "tres.test", "otro.test", "cuatro.test"]
    forwardings = [("postmaster@uno.test", "alejandro@uno.test"), ("@dos.test", "m77@dos.test"), ("@tres.test", "@otro.test"),
                   ("gulag@cuatro.test", "alejandro@cuatro.test ,m77@gmail.example")]
    server.sql("".join(f"INSERT INTO dominios (dominio) VALUES ('{name}');\n" for name in domains)
               + "".join(f"INSERT INTO usuarios (email,password) VALUES ('{name}','secreto');\n" for name in users)
               + "".join(f"INSERT INTO forwardings (origen,destino) VALUES ('{a}','{b}');\n" for a, b in forwardings))
    with server.dialog() as smtp:
        smtp.greeted()
        smtp.ask("MAIL FROM:<>")
        lib.eventually(lambda: smtp.ask("RCPT TO:<gulag@cuatro.test>")[:3] == "250", 2.0, "RCPT after INSERT")

    def row(title, recipient, getters, queued=()):
        name = recipient.replace("@", ".")
        with tests("step 10: " + title):
            before = sorted(server.queued_for())
            reply = server.send(recipient, lib.message(name))
            same(reply[:3], "250", "DATA")
            lib.eventually(lambda: all(f"<{name}@fuera.example>" in server.ids(user) for user in getters), 5, f"{getters} got it")
            got = [user for user in users for found in server.ids(user) if found == f"<{name}@fuera.example>"]
            same(sorted(got), sorted(getters), "who got it")
            same(sorted(server.queued_for()), sorted([*before, *queued]), "outgoing queue")

    row("postmaster@ goes to alejandro@", "postmaster@uno.test", ["alejandro@uno.test"])
    row("@dominio catches an unknown name for m77@", "cualquiera@dos.test", ["m77@dos.test"])
    row("@dominio does not catch an account in usuarios", "webmaster@dos.test", ["webmaster@dos.test"])
    row("@dominio to m77@: m77@ itself", "m77@dos.test", ["m77@dos.test"])
    row("@mi.dominio to @otro.dominio keeps the name", "m77@tres.test", ["m77@otro.test"])
    row("two destinations, a copy each, one of them outside", "gulag@cuatro.test", ["alejandro@cuatro.test"], ["m77@gmail.example"])
    row("the user beside a forwarding of another name", "alejandro@cuatro.test", ["alejandro@cuatro.test"])
    row("names fold case", "PostMaster@UNO.test", ["alejandro@uno.test"])

    with tests("step 10: an unknown name without a catch-all is refused with 550 5.1.1"), server.dialog() as smtp:
        smtp.greeted()
        smtp.ask("MAIL FROM:<alejandro@barcena.com.mx>")
        same(smtp.ask("RCPT TO:<nadie@uno.test>")[:9], "550 5.1.1", "RCPT")

    with tests("step 10: @mi.dominio to @otro.dominio where the name is unknown reaches nobody"), server.dialog() as smtp:
        smtp.greeted()
        smtp.ask("MAIL FROM:<alejandro@barcena.com.mx>")
        same(smtp.ask("RCPT TO:<nadie@tres.test>")[:1], "5", "RCPT")


def body(tests):
    with lib.Server() as server:
        step9(tests, server)
        step10(tests, server)
        with tests("the database is consistent afterwards"):
            server.verify()


lib.main(body)
