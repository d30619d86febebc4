"""Who is local, what each recipient's policy says, and what is thought of senders: the same for amavisd-new and for us."""

DOMAINS = ("virtual.test", "otro.test")
USERS = ("uno@virtual.test", "dos@virtual.test", "tres@otro.test", "libre@virtual.test", "estricto@virtual.test", "pasa@virtual.test")
AWAY = "lejos@ajeno.example"

# By scope ("." is the server): the points that a sender brings.
POINTS = {
    ".": {f"p{number}@puntos.example": points for number, points in
          {"1": 1.0, "49": 4.9, "4999": 4.999, "50": 5.0, "51": 5.1, "99": 9.9, "100": 10.0, "101": 10.1, "645": 64.5, "1000": 100.0,
           "menos5": -5.0, "centesimas": 6.123, "mitad": 2.5}.items()}
    | {"dominio.example": 6.0, ".abajo.example": 7.0, "especial@dominio.example": 1.0, "nadie@": 8.0, "suma@puntos.example": 3.0,
       "quita@puntos.example": 8.0},
    "otro.test": {"suma@puntos.example": 2.5, "quita@puntos.example": -1.0},
    "dos@virtual.test": {"quita@puntos.example": -6.0, "suma@puntos.example": 1.999, "solodos@puntos.example": 12.0},
}
WHITE = {".": ("blanco@listas.example", "blanca.example"), "uno@virtual.test": ("gris@listas.example", "p1000@puntos.example")}
BLACK = {".": ("negro@listas.example", ".negra.example"), "dos@virtual.test": ("gris@listas.example", "blanco@listas.example")}

# What single users' policies say beyond the seed's.
POLICIES = {
    "libre@virtual.test": {"bypass_virus_checks": "true", "bypass_banned_checks": "true", "bypass_spam_checks": "true"},
    "estricto@virtual.test": {"final_spam_destiny": "reject", "spam_tag2_level": "3", "spam_kill_level": "6"},
    "pasa@virtual.test": {"final_virus_destiny": "pass", "final_banned_destiny": "pass", "spam_subject_tag": "[correo basura] "},
}
