# Sourced by ./check, ./quickstart and bench/run, which set `root` to the folder of the sources: what
# they need before they can begin. Each function says what it does and stops the script if it cannot.

say() { printf '%s\n' "$*"; }

# packages_missing SECTION…: those of the sections that are not installed.
packages_missing()
{
	local section package choice found
	while read -r section package; do
		case " $* " in *" $section "*) ;; *) continue ;; esac
		found=
		for choice in ${package//|/ }; do
			if [ "$(dpkg-query -W -f='${db:Status-Status}' "$choice" 2>/dev/null)" = installed ]; then
				found=1
			fi
		done
		[ -n "$found" ] || printf '%s\n' "${package%%|*}"
	done < <(grep -v -e '^#' -e '^$' "$root/conf/packaging/debian-packages") | sort -u
}

# packages_install PACKAGE…: none of their services is started.
packages_install()
(
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		trap 'rm -f "$policy"' EXIT
		printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
	fi
	apt-get -q update && apt-get -qy --no-install-recommends --no-remove install "$@"
)

# packages_need SECTION…: installs what is missing, or says how to.
packages_need()
{
	local missing
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		say "This is not Debian: conf/packaging/debian-packages lists what is needed ($*)."
		return 0
	fi
	missing=$(packages_missing "$@" | tr '\n' ' ')
	missing=${missing% }
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		say "Packages are missing, and only root can install them. Please run:"
		say "    sudo apt-get install --no-install-recommends $missing"
		exit 1
	fi
	say "Installing: $missing"
	export DEBIAN_FRONTEND=noninteractive
	# Nothing that is here may go for it: then a person has to decide.
	if ! packages_install $missing >"$root/build/packages.log" 2>&1 </dev/null; then
		tail -n 20 "$root/build/packages.log"
		say "The packages could not be installed; build/packages.log has it all. Once that is mended:"
		say "    apt-get install --no-install-recommends $missing"
		exit 1
	fi
}

# packages_unpack SECTION DIR: fetches the section's packages and unpacks them there, once: nothing is
# installed, nothing started, and root is not needed.
packages_unpack()
{
	local section=$1 dir=$2 packages log=$root/build/packages.log
	packages=$(sed -n "s/^$section //p" "$root/conf/packaging/debian-packages" | tr '\n' ' ')
	[ "$(cat "$dir/unpacked" 2>/dev/null)" != "$packages" ] || return 0
	say "Fetching, to be unpacked in ${dir#"$root"/}: ${packages% }"
	rm -rf "$dir"
	mkdir -p "$dir/packages" || return 1
	if ! { (cd "$dir/packages" && apt-get -q -o APT::Sandbox::User= download $packages) &&
		for package in "$dir"/packages/*.deb; do dpkg-deb -x "$package" "$dir" || exit 1; done; } \
		>"$log" 2>&1 </dev/null; then
		tail -n 20 "$log"
		say "Packages could not be fetched; build/packages.log has it all. Perhaps first: apt-get update"
		return 1
	fi
	rm -rf "$dir/packages"
	printf '%s\n' "$packages" >"$dir/unpacked"
}

# build_step LOG WHAT COMMAND…: runs it quietly; shows the end of its log if it fails.
build_step()
{
	local log=$1 what=$2
	shift 2
	[ -z "$what" ] || say "$what"
	if ! "$@" >>"$log" 2>&1 </dev/null; then
		# The compiler's errors first, wherever they stand between the output of parallel jobs.
		grep -E -A 4 '(: (fatal )?error:|undefined reference| \*\*\* )' "$log" | head -n 60 || tail -n 40 "$log"
		say "That failed: $* (all of it: $log)"
		return 1
	fi
}

# build_tree DIR TARGETS CONFIGURE-ARGUMENT…: configures and makes out of tree, again only where
# something has changed. The targets one after the other: two in one make would both make what they
# share.
build_tree()
{
	local dir=$1 targets=$2 target name log jobs
	shift 2
	name=${dir##*/}
	jobs=$(nproc 2>/dev/null || echo 2)
	mkdir -p "$dir"
	log=$dir/build.log
	: >"$log"
	if [ ! -x "$root/configure" ] || [ -n "$(find "$root/configure.ac" "$root/Makefile.am" \
		-newer "$root/Makefile.in" 2>&1)" ]; then
		build_step "$log" "Making configure" "$root/autogen.sh" || return 1
	fi
	if [ ! -f "$dir/Makefile" ] || [ "$(cat "$dir/configured-with" 2>/dev/null)" != "$*" ]; then
		build_step "$log" "Configuring build/$name" env -C "$dir" "$root/configure" "$@" || return 1
		printf '%s\n' "$*" >"$dir/configured-with"
	fi
	say "Building build/$name"
	for target in $targets; do
		build_step "$log" "" make -C "$dir" -j"$jobs" "$target" || return 1
	done
}
