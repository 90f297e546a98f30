# Prints the targets of a Makefile with their "##" comments, under "##@" titles.
/^##@ / { printf "%s%s\n", titles++ ? "\n" : "", substr($0, 5); next }
/^[a-z][a-z-]*:.* ## / {
	target = $1
	sub(/:.*/, "", target)
	text = $0
	sub(/^.* ## /, "", text)
	printf "  make %-15s %s\n", target, text
}
