// MailTesting: what the tests of several modules share. Nothing that is shipped depends on it.
//
//  - Dialog: conversations as text files, and the player that cuts them into pieces of every size.
//  - Fuzz: random input and random answers against any session.
//  - Zones: signed DNS zones on a loopback port.
