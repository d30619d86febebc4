// SASL over Cyrus's libsasl2.
//
// The library runs the mechanisms and nothing else: what it knows of users it asks a `CredentialSource`, through a property plug-in
// within this process. No configuration file, no sasldb, no saslauthd, and no plug-in but the five named here is ever looked at.
//
// Invariants: one initialisation for the process's life; one connection object for each authentication, used by one thread at a
// time. No security layer, no anonymous login, and no name but the authentication identity itself. Result codes and details of the
// library tell users apart from strangers: they never leave this module.
//
// Every call may block: nothing of this runs on an event loop.
