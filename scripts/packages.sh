# Debian packages: whether they can be had, and installing them; sourced after lib.sh, never run by itself.
# shellcheck shell=sh disable=SC2034,SC2154 # set and used in lib.sh and by the scripts

sudo=                            # what root's commands begin with
lists=                           # the lists of packages: fetched or failed, once that was tried
no_main_cluster=                 # see prevent_main_cluster
made_createcluster_d=

# Are packages installed here without asking anybody? Sets $sudo
may_install() {
	command -v apt-get >/dev/null || return
	[ "$as_root" = no ] || return 0
	[ -z "$sudo" ] || return 0
	sudo -n true 2>/dev/null || return
	sudo="sudo -n"
}

# The same, but on a terminal sudo may ask for the password
ask_to_install() {
	may_install && return
	if ! { command -v apt-get && command -v sudo; } >/dev/null || [ "$tty" = no ] || [ ! -t 0 ]; then
		return 1
	fi
	say "Debian packages are missing. sudo installs them, and asks for your password:"
	sudo -v || return
	may_install || sudo=sudo
}

apt_get() {
	$sudo env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
		apt-get -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@"
}

# Once a run. apt-get update calls it a success when no list could be fetched, unless told otherwise.
fetch_lists() {
	[ -z "$lists" ] || return 0
	lists=fetched
	apt_step "Fetching the lists of Debian packages" update -qq -o APT::Update::Error-Mode=any || lists=failed
}

# can_be_had PACKAGE...: do the lists of packages have them all?
can_be_had() {
	command -v apt-cache >/dev/null || return
	[ "$(apt-cache policy "$@" 2>/dev/null | grep -c '^  Candidate: [^(]')" -eq $# ]
}

# apt_step TEXT ARGUMENT...: a step of apt-get; if it fails, $apt_says is why, as far as apt's words are known
apt_step() {
	apt_text=$1
	shift
	caller_log=${log:-}
	log=$(mktemp) || return
	step "$apt_text" apt_get "$@"
	apt_status=$?
	[ $apt_status -eq 0 ] || apt_says=$(explain_apt)
	rm -f "$log"
	log=$caller_log
	return $apt_status
}

explain_apt() {
	if grep -qE 'No space left on device|enough free space' "$log"; then
		say "The disk is full."
	elif grep -qE 'Could not get lock|Unable to (acquire|lock)' "$log"; then
		say "Another apt-get or dpkg is at work: wait for it, and run this again."
	elif grep -q 'dpkg was interrupted' "$log"; then
		say "An earlier installation was interrupted. Type, as root: dpkg --configure -a"
	elif grep -qE 'Failed to fetch|Temporary failure|Could not (resolve|connect)|Unable to (fetch|connect)|is unreachable' "$log"; then
		say "The network, or the server that has the packages, cannot be reached."
	else
		say "See above."
	fi
}

# install_packages PACKAGE...: or says by its status, and in $apt_says, that it could not. Nothing is removed for them, and no
# server is upgraded if that could start or restart its clusters: then the packages must be of that server's version.
install_packages() {
	say "Installing Debian packages${sudo:+ (with sudo)}: $*"
	upgraded=$(upgraded_for "$@")
	if [ -n "$upgraded" ]; then
		# shellcheck disable=SC2046 # a list of names
		set -- $(beside_servers "$@")
		if ! apt-get -s -q install --no-install-recommends "$@" >/dev/null 2>&1 || [ -n "$(upgraded_for "$@")" ]; then
			apt_says="They would upgrade $upgraded and so could restart its clusters, which is yours to decide."
			return 1
		fi
	fi
	case " $* " in *" postgresql-"[0-9]*) prevent_main_cluster ;; esac
	apt_step "  downloading and installing" install -q -y --no-install-recommends --no-remove "$@"
	apt_status=$?
	allow_main_cluster
	return $apt_status
}

# upgraded_for PACKAGE...: the servers that would be upgraded with them though they have clusters, on one line
upgraded_for() {
	for server in $(apt-get -s -q install --no-install-recommends "$@" 2>/dev/null | sed -n 's/^Inst \(postgresql-[0-9][0-9]*\) \[.*/\1/p'); do
		! has_clusters "${server#postgresql-}" || printf ' %s' "$server"
	done | sed 's/^ //'
}

# has_clusters MAJOR: that an upgrade could start or restart, so none of those that are down where packages start no services
has_clusters() {
	states=$(pg_lsclusters -h 2>/dev/null | awk -v major="$1" '$1 == major { print $4 }')
	[ -n "$states" ] || return
	case $states in *online*) return 0 ;; esac
	[ -x /usr/sbin/policy-rc.d ] || return 0
	$sudo /usr/sbin/policy-rc.d postgresql start >/dev/null 2>&1
	[ $? -ne 101 ]
}

# beside_servers PACKAGE...: the same, those that come with an installed server in its version, if it can be had, and that server as it is
beside_servers() {
	for package in "$@"; do
		server=postgresql-${package##*-}
		version=
		case $package in postgresql-server-dev-* | postgresql-client-*) version=$(dpkg-query -W -f '${Version}' "$server" 2>/dev/null) ;; esac
		if [ -n "$version" ] && apt-cache madison "$package" 2>/dev/null | awk '{ print $3 }' | grep -qxF "$version"; then
			say "$package=$version" "$server=$version"
		else
			say "$package"
		fi
	done
}

# Fresh, postgresql-NN creates and starts a cluster "main". Its configuration has a directory for settings like the one that
# prevents it: ours is there for the length of the installation only.
prevent_main_cluster() {
	createcluster_d=/etc/postgresql-common/createcluster.d
	if [ ! -d $createcluster_d ]; then
		made_createcluster_d=yes
		$sudo mkdir -p $createcluster_d
	fi
	no_main_cluster=$createcluster_d/zz-rfm-no-main-cluster.conf
	echo "create_main_cluster = false" | $sudo tee $no_main_cluster >/dev/null
}

allow_main_cluster() {
	[ -n "$no_main_cluster" ] || return 0
	$sudo rm -f "$no_main_cluster"
	[ -z "$made_createcluster_d" ] ||
		$sudo rmdir --ignore-fail-on-non-empty "${no_main_cluster%/*}"
	no_main_cluster=
}

# wanted WHAT:PACKAGE...: WHAT is a program or a file, PACKAGE has it; installs what is not there. For what a tool needs
# that can be done without: says by its status whether all of it is here now, and never ends the script. $packages: what was missing.
wanted() {
	packages=
	for pair in "$@"; do
		case $pair in
		/*) [ -e "${pair%%:*}" ] ;;
		*) command -v "${pair%%:*}" >/dev/null ;;
		esac || packages="$packages ${pair#*:}"
	done
	packages=${packages# }
	[ -n "$packages" ] || return 0
	may_install || return
	fetch_lists
	# shellcheck disable=SC2086 # a list of names
	install_packages $packages
}
