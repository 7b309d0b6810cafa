# Sourced by the lints, which run in the folder of the sources, print what is wrong, and nothing
# when all is well. YETT_SRC and YETT_BUILD are set by ./check.
set -u
cd "${YETT_SRC:?}" || exit 1
wrong=0

# complain TEXT…: a line for a person; the lint fails.
complain()
{
	printf '%s\n' "$*"
	wrong=1
}

# files PATTERN…: the files of the project whose names match, one a line.
files()
{
	local name expression=()
	for name in "$@"; do
		[ ${#expression[@]} = 0 ] || expression+=(-o)
		expression+=(-name "$name")
	done
	find .ci autogen.sh check quickstart configure.ac Makefile.am README.md CHANGELOG.md core modules \
		sdk conf tests bench doc -name __pycache__ -prune -o -type f \( "${expression[@]}" \) -print |
		sort
}

# scripts: the files that a shell or Python runs, by their first line.
scripts() { files '*' | xargs -d '\n' grep -lsI -m 1 -e '^#!' | while read -r file; do
	head -n 1 "$file" | grep -q "^#!.*$1" && printf '%s\n' "$file"
done; }
