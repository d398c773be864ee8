#!/bin/sh
# Installs the Debian packages that tests drive pillarbox with, where that is possible:
# as root on a machine with apt-get. Anywhere else it only says what is missing.
set -u

wanted="postgresql swaks libnet-ssleay-perl isync mutt postfix curl getmail6 gsasl libsasl2-modules offlineimap3 imapfilter opendkim opendkim-tools unbound msmtp microsocks dovecot-core dovecot-lmtpd dovecot-sieve clamav-daemon spamd spamassassin rspamd sieve-connect vdirsyncer khal khard litmus"
missing=""
for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" ||
        missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" -ne 0 ]; then
    echo "Not installed, their tests will be skipped:$missing"
    exit 0
fi

echo "Installing for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
# Packaged services must not start: the tests start what they need, on ports of their own.
policy=/usr/sbin/policy-rc.d
made_policy=no
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made_policy=yes
fi
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
    echo "Some packages could not be installed; their tests will be skipped"
[ "$made_policy" = yes ] && rm -f "$policy"
exit 0
