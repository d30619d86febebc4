"""amavisd-new of Debian's with the seed's configuration (step 11), unpacked into the cache folder and run from a scratch folder.

Debian's files of conf.d are taken as they are; those that name the machine or its folders are written anew, and the seed's rows
come last, as in 50-user. Three things are not the seed's: the local domains are a list in place of a table of MySQL's, SpamAssassin
has no rules (a message's points are those that its sender is given), and it asks nobody on the network."""

import glob
import gzip
import os
import shutil
import subprocess
import tempfile

import lib
import processes
from peers import debian

OWNER = "nobody"

PLACES = """use strict;
$daemon_user = '{owner}'; $daemon_group = 'nogroup';
$MYHOME = '{dir}'; $TEMPBASE = "$MYHOME/tmp"; $ENV{{TMPDIR}} = $TEMPBASE; $db_home = "$MYHOME/db";
$pid_file = "$MYHOME/amavisd.pid"; $lock_file = "$MYHOME/amavisd.lock";
1;
"""

# The lines that Debian's file asks to uncomment: the checks are on where the lists are empty.
CHECKS_ON = """use strict;
@bypass_virus_checks_maps = (\\%bypass_virus_checks, \\@bypass_virus_checks_acl, \\$bypass_virus_checks_re);
@bypass_spam_checks_maps = (\\%bypass_spam_checks, \\@bypass_spam_checks_acl, \\$bypass_spam_checks_re);
1;
"""

SEED = """use strict;
# @bypass_virus_checks_acl = qw(.);
# @bypass_spam_checks_acl = qw(.);
$final_virus_destiny = D_DISCARD;
$final_banned_destiny = D_REJECT;
$final_spam_destiny = D_PASS;
$sa_tag_level_deflt = -1000;
$sa_tag2_level_deflt = 5.0;
$sa_kill_level_deflt = 10;
$sa_spam_subject_tag = '***SPAM***';
"""

OURS = """
@local_domains_maps = ([{domains}]);
{opinions}
{policies}
$sa_local_tests_only = 1;
$sa_configpath = "$MYHOME/rules"; $sa_siteconfigpath = "$MYHOME/rules"; $sa_userprefs_file = "$MYHOME/rules/none";
$inet_socket_bind = '127.0.0.1'; $inet_socket_port = {port};
$forward_method = 'smtp:[127.0.0.1]:{sink}'; $notify_method = $forward_method;
$unix_socketname = undef;
$DO_SYSLOG = 0; $LOGFILE = "$MYHOME/amavisd.log"; $log_level = {log_level};
$virus_admin = undef; $spam_admin = undef; $banned_admin = undef;
$mailfrom_notify_admin = undef;
@av_scanners_backup = ();
1;
"""


class Amavis:
    """`with Amavis(clamd, sink_port, domains) as amavis:` filters what comes to amavis.port and gives it to the sink.

    points: {scope: {sender: points}}; white, black: {scope: senders}; policies: {recipient: {key: value}}, keys as ours. A scope is a
    recipient, a domain, or "." for all."""

    def __init__(self, clamd, sink, domains, points=None, white=None, black=None, policies=None, log_level=2):
        lib.needs_root()
        self.tree, self.clamd, self.sink = debian.unpack("amavis", "amavisd-new", "spamassassin"), clamd, sink
        self.domains, self.log_level = domains, log_level
        self.opinions = opinions_text(points or {}, white or {}, black or {})
        self.policies = policies_text(policies or {})
        self.port = lib.free_port()
        self.dir = tempfile.mkdtemp(prefix="buzon-amavis-")
        self.process = None

    def configure(self):
        """The folders, and the configuration's files in the order in which Debian's program reads them."""
        for name in ("tmp", "db", "virusmails", "rules", "run", ".spamassassin"):
            os.makedirs(f"{self.dir}/{name}")
        lib.write(self.dir + "/rules/empty.cf", "use_bayes 0\nheader NINGUNA X-Ninguna =~ /^ninguna$/\nscore NINGUNA 0.001\n", mode=0o644)
        lib.write(self.dir + "/rules/init.pre", "loadplugin Mail::SpamAssassin::Plugin::Check\n", mode=0o644)
        shutil.copytree(self.tree + "/usr/share/perl5", self.dir + "/perl")  # by an account that can't read the cache folder
        shutil.copytree(self.tree + "/etc/amavis/en_US", self.dir + "/en_US")
        own = self.own()
        os.makedirs(self.dir + "/conf.d")
        for path in (path for folder in ("usr/share", "etc") for path in sorted(glob.glob(f"{self.tree}/{folder}/amavis/conf.d/*"))):
            name = os.path.basename(path)
            text = own.get(name) or self.moved(open(path).read())
            yield lib.write(f"{self.dir}/conf.d/{name}", text, mode=0o644)

    def own(self):
        return {
            "05-domain_id": f"use strict; $mydomain = '{self.domains[0]}';\n1;\n",
            "05-node_id": "use strict; $myhostname = 'mail.virtual.test';\n1;\n",
            "10-debian_scripts": PLACES.format(owner=OWNER, dir=self.dir),
            "15-content_filter_mode": CHECKS_ON,
            "50-user": SEED + OURS.format(
                domains=", ".join(f"'{name}'" for name in self.domains), port=self.port, sink=self.sink, log_level=self.log_level,
                opinions=self.opinions, policies=self.policies),
        }

    def moved(self, text):
        return text.replace("/var/run/clamav/clamd.ctl", self.clamd.path).replace("'/etc/amavis'", f"'{self.dir}'")

    def __enter__(self):
        try:
            options = [word for path in self.configure() for word in ("-c", path)]
            os.chmod(self.dir, 0o755)
            for folder in ("", "/tmp", "/db", "/virusmails", "/run", "/.spamassassin"):
                shutil.chown(self.dir + folder, OWNER)
            program = open(self.tree + "/usr/sbin/amavisd", encoding="utf-8").read()  # it also starts itself, to test its configuration
            program = program.replace("use Amavis::Boot;", f"use lib '{self.dir}/perl';\nuse Amavis::Boot;", 1)
            lib.write(self.dir + "/amavisd", program, mode=0o755)
            with open(self.dir + "/out", "w") as out:
                self.process = subprocess.Popen(
                    [self.dir + "/amavisd", *options, "foreground"], cwd=self.dir,
                    stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
            processes.wait_for_port(self.process, self.port, self.log, seconds=40)
            with lib.Dialog("127.0.0.1", self.port) as smtp:  # the port opens before SpamAssassin is loaded
                smtp.greeted()
        except BaseException:
            self.__exit__(None)
            raise
        return self

    def __exit__(self, kind, *_):
        if kind:
            print("     amavisd said: " + lib.one_line(self.log()[-600:]))
        processes.end(self.process)
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        paths = [path for path in (self.dir + "/out", self.dir + "/amavisd.log") if os.path.exists(path)]
        return "".join(open(path, errors="replace").read() for path in paths)

    def quarantined(self):
        """The messages that its quarantine holds."""
        for folder, _, names in os.walk(self.dir + "/virusmails"):
            for name in names:
                with (gzip.open if name.endswith(".gz") else open)(f"{folder}/{name}", "rb") as file:
                    yield file.read()


def opinions_text(points, white, black):
    lines = [f"@score_sender_maps = ({hash_of({scope: table_of(table) for scope, table in points.items()})});"]
    for word, lists in (("white", white), ("black", black)):
        tables = {scope: hash_of({sender: 1 for sender in senders}) for scope, senders in lists.items()}
        lines.append(f"@{word}list_sender_maps = ({tables.pop('.', '{}')});")
        lines.append(f"$per_recip_{word}list_sender_lookup_tables = {hash_of(tables)};")
    return "\n".join(lines)


def table_of(points):
    return f"[{hash_of(points)}]"


def hash_of(pairs):
    return "{" + ", ".join(f"'{key}' => {value}" for key, value in pairs.items()) + "}"


DESTINIES = {"final_virus_destiny": "CC_VIRUS", "final_banned_destiny": "CC_BANNED", "final_spam_destiny": "CC_SPAM"}
TEXTS = {"spam_subject_tag": "spam_subject_tag2"}


def policies_text(policies):
    """Each recipient's values before those of all."""
    by_key = {}
    for recipient, values in policies.items():
        for key, value in values.items():
            by_key.setdefault(key, {})[recipient] = value
    lines = []
    for key, values in by_key.items():
        if key in DESTINIES:
            chosen = hash_of({who: "D_" + value.upper() for who, value in values.items()})
            lines.append(f"$final_destiny_maps_by_ccat{{+{DESTINIES[key]}}} = [{chosen}, \\${key}];")
        elif key.startswith("bypass_"):
            lines.append(f"%{key} = %{{{hash_of({who: int(value == 'true') for who, value in values.items()})}}};")
        else:
            chosen = hash_of({who: f"'{value}'" for who, value in values.items()})
            lines.append(f"unshift @{TEXTS.get(key, key)}_maps, {chosen};")
    return "\n".join(lines)
