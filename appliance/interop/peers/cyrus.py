"""Cyrus's own client library, spoken to by ctypes: the other half of every mechanism, over SMTP, POP3 and IMAP."""

import base64
import ctypes
import ctypes.util

import lib

USER, AUTHNAME, PASS, GETREALM, END = 0x4001, 0x4002, 0x4004, 0x4008, 0
OK, CONTINUE, SEC_PROPS = 0, 1, 101


class Callback(ctypes.Structure):
    _fields_ = [("id", ctypes.c_ulong), ("proc", ctypes.c_void_p), ("context", ctypes.c_void_p)]


class Properties(ctypes.Structure):
    _fields_ = [("min_ssf", ctypes.c_uint), ("max_ssf", ctypes.c_uint), ("maxbufsize", ctypes.c_uint), ("security_flags", ctypes.c_uint),
                ("property_names", ctypes.c_void_p), ("property_values", ctypes.c_void_p)]


class Secret(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ulong), ("data", ctypes.c_char * 256)]


SIMPLE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(ctypes.c_uint))
SECRET = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.POINTER(Secret)))
REALM = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(ctypes.c_char_p))
library = None


def loaded():
    global library
    if library is None:
        name = ctypes.util.find_library("sasl2")
        if not name:
            raise lib.Skip("libsasl2 is not installed")
        library = ctypes.CDLL(name)
        library.sasl_errdetail.restype = ctypes.c_char_p
        lib.same(library.sasl_client_init(None), OK, "sasl_client_init")
    return library


class Client:
    """One login by one mechanism."""

    def __init__(self, service, host, user, password):
        self.user, self.password = user.encode(), password.encode()
        self.secret = Secret(len(self.password), self.password)
        self.kept = [SIMPLE(self.name), SECRET(self.pass_), REALM(self.choose)]
        address = [ctypes.cast(each, ctypes.c_void_p) for each in self.kept]
        self.callbacks = (Callback * 5)(Callback(USER, address[0], None), Callback(AUTHNAME, address[0], None), Callback(PASS, address[1], None),
                                        Callback(GETREALM, address[2], None), Callback(END, None, None))
        self.connection = ctypes.c_void_p()
        lib.same(loaded().sasl_client_new(service.encode(), host.encode(), None, None, self.callbacks, 0, ctypes.byref(self.connection)), OK,
                 "sasl_client_new")
        self.properties = Properties(0, 0, 0, 0, None, None)
        lib.same(library.sasl_setprop(self.connection, SEC_PROPS, ctypes.byref(self.properties)), OK, "sasl_setprop")

    def name(self, context, id_, result, length):
        result[0] = self.user
        if length:
            length[0] = len(self.user)
        return OK

    def pass_(self, connection, context, id_, result):
        result[0] = ctypes.pointer(self.secret)
        return OK

    def choose(self, context, id_, offered, result):
        result[0] = offered[0]  # asked only where there are several
        return OK

    def start(self, mechanism, initial=True):
        """The initial response; None where the server speaks first, or where the protocol's command has no room for one."""
        prompt, out, length, used = ctypes.c_void_p(), ctypes.c_char_p(), ctypes.c_uint(), ctypes.c_char_p()
        code = library.sasl_client_start(self.connection, mechanism.encode(), ctypes.byref(prompt), ctypes.byref(out) if initial else None,
                                         ctypes.byref(length), ctypes.byref(used))
        lib.expect(code in (OK, CONTINUE), f"sasl_client_start {mechanism}: {code} {library.sasl_errdetail(self.connection)}")
        return ctypes.string_at(out, length.value) if out.value is not None else None

    def step(self, challenge):
        prompt, out, length = ctypes.c_void_p(), ctypes.c_char_p(), ctypes.c_uint()
        code = library.sasl_client_step(self.connection, challenge, len(challenge), ctypes.byref(prompt), ctypes.byref(out), ctypes.byref(length))
        lib.expect(code in (OK, CONTINUE), f"sasl_client_step: {code} {library.sasl_errdetail(self.connection)}")
        return ctypes.string_at(out, length.value) if length.value else b""

    def close(self):
        library.sasl_dispose(ctypes.byref(self.connection))


COMMANDS = {"smtp": ("AUTH {}", "334 ", "235", "535"), "pop": ("AUTH {}", "+ ", "+OK", "-ERR"), "imap": ("x AUTHENTICATE {}", "+ ", "x OK", "x NO")}


def log_in(file, service, mechanism, user, password, initial=True):
    """Speaks the dialogue over a file of a connection that is ready for it: what the server said, line by line."""
    command, more, _, _ = COMMANDS[service]
    client, said = Client(service, "mail.virtual.test", user, password), []
    try:
        response = client.start(mechanism, initial)
        line = command.format(mechanism)
        if response is not None:
            line += " " + (base64.b64encode(response).decode() or "=")
        while True:
            file.write(line.encode() + b"\r\n")
            file.flush()
            answer = file.readline().decode(errors="replace").rstrip("\r\n")
            while service == "imap" and answer.startswith("* "):
                answer = file.readline().decode(errors="replace").rstrip("\r\n")
            said.append(answer)
            if not answer.startswith(more.strip()) or answer.startswith("+OK"):
                return said
            challenge = base64.b64decode(answer[len(more):])
            line = base64.b64encode(client.step(challenge)).decode()
    finally:
        client.close()


def works(said, service):
    return said[-1].startswith(COMMANDS[service][2])
