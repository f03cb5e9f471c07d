# Which ratios of two results of run.sh differ by more than their rounds do. Input: the earlier results, then the new ones.
BEGIN { FS = " *[|] *" }
FNR == 1 { file++ }
FNR == 3 { split($0, head, ", "); date[file] = head[1]; size[file] = head[2] ", " head[3] }
# | what | ratio | wanted | verdict | rounds |
NF == 7 && $6 ~ /^[0-9.]+( [/] [0-9.]+)+$/ {
	n = split($6, value, " / ")
	low[file, $2] = high[file, $2] = value[1] + 0
	for (i = 2; i <= n; i++) {
		if (value[i] + 0 < low[file, $2]) low[file, $2] = value[i] + 0
		if (value[i] + 0 > high[file, $2]) high[file, $2] = value[i] + 0
	}
	ratio[file, $2] = $3
	if (file == 2 && (1, $2) in ratio) what[++rows] = $2
}
END {
	print ""
	print "## Against the results of " date[1]
	print ""
	if (size[1] != size[2]) {
		print "Those are of another size: " size[1] "."
		exit
	}
	for (i = 1; i <= rows; i++) {
		w = what[i]
		if (low[2, w] > high[1, w] || high[2, w] < low[1, w]) {
			printf "- %s: %s, was %s\n", w, ratio[2, w], ratio[1, w]
			differ++
		}
	}
	printf "%s%d of %d ratios differ by more than their rounds do.\n", differ ? "\n" : "", differ, rows
}
