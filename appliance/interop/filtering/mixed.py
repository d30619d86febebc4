"""Letters with more than one fault, to recipients who disagree, and mail that only leaves."""

from filtering import archives
from filtering.mime import Letter, attachment, carrying, message, part, with_attachment
from filtering.opinions import AWAY
from peers.clamd import EICAR, TEST_FILE

UNO, DOS, TRES = "uno@virtual.test", "dos@virtual.test", "tres@otro.test"
FREE, STRICT, PASSING = "libre@virtual.test", "estricto@virtual.test", "pasa@virtual.test"


def contents():
    program = open(TEST_FILE, "rb").read()
    yield "clean", message("Hola", part())
    yield "infected", carrying("a.dat", EICAR)
    yield "banned", carrying("a.exe", b"texto\r\n")
    yield "infected and banned", carrying("clam.exe", program)
    yield "infected and banned in two parts", with_attachment("Hola", attachment("a.dat", EICAR), attachment("a.scr", b"texto\r\n"))
    yield "infected and banned in a zip", carrying("a.zip", archives.zipped(("b/clam.exe", program)))


ADDRESSES = {
    "to two": (UNO, TRES), "to one here and one away": (UNO, AWAY), "to one away": (AWAY,), "to one without checks": (FREE,),
    "to one without checks and another": (FREE, UNO),
    "to one who takes all": (PASSING,), "to one who takes all and another": (PASSING, DOS)}


def letters():
    for what, content in contents():
        for whom, recipients in ADDRESSES.items():
            yield Letter(f"mixed - {what}, {whom}", content, recipients=recipients)
        if what != "clean":
            yield Letter(f"mixed - {what} and 10 points", content, "p100@puntos.example", (UNO, DOS))
            yield Letter(f"mixed - {what} from one on the white list", content, "blanco@listas.example")
        yield Letter(f"leaving - {what}", content, UNO, (AWAY,))
        yield Letter(f"leaving - {what}, and to a neighbour", content, UNO, (AWAY, DOS))
    yield Letter("leaving - from a user who is worth 10 points elsewhere", message("Hola", part()), "p100@puntos.example", (AWAY,))
