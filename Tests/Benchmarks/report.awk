# Reads lines "ENGINE MIX SECONDS" and "instructions MIX COUNT"; prints the tables of `run`.

function median(key,    n, i, j, t, v) {
  n = split(samples[key], v, " ")
  for (i = 2; i <= n; i++)
    for (j = i; j > 1 && v[j - 1] + 0 > v[j] + 0; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
  if (key !~ /empty$/ && v[n] - v[1] > spread * v[n]) spread = (v[n] - v[1]) / v[n]
  return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

# How many times as fast as `other` the engine is, over all mixes; the smallest one in `worst`.
function compare(engine, other,    i, ratio, sum) {
  printf "%-8s as fast as %-6s", engine, other
  sum = 0
  worst = 1e9
  for (i = 1; i <= mix_count; i++) {
    ratio = seconds[other, mix[i]] / seconds[engine, mix[i]]
    printf "%14.2f", ratio
    sum += log(ratio)
    if (ratio < worst) worst = ratio
  }
  geomean = exp(sum / mix_count)
  printf "%14.2f\n", geomean
}

function goal(text, reached, wanted) {
  printf "%-48s %6.2f, wanted %.1f: %s\n", text, reached, wanted, \
    (reached >= wanted ? "met" : "MISSED")
  if (reached < wanted) missed = 1
}

$1 == "instructions" { instructions[$2] = $3; next }
{ samples[$1, $2] = samples[$1, $2] " " $3 }

END {
  engine_count = split(engines, engine, " ")
  mix_count = split(mixes, mix, " ")
  printf "\n%-24s", "CPU seconds (median)"
  for (i = 1; i <= mix_count; i++) printf "%14s", mix[i]
  print "         empty"
  for (e = 1; e <= engine_count; e++) {
    present[engine[e]] = 1
    empty = median(engine[e] SUBSEP "empty")
    printf "%-24s", engine[e]
    for (i = 1; i <= mix_count; i++) {
      s = median(engine[e] SUBSEP mix[i]) - empty
      seconds[engine[e], mix[i]] = s > 0.001 ? s : 0.001
      printf "%14.3f", seconds[engine[e], mix[i]]
    }
    printf "%14.3f\n", empty
  }
  if (present["bochs"]) {
    printf "\n%-24s", "million instructions"
    for (i = 1; i <= mix_count; i++) printf "%14.0f", instructions[mix[i]] / 1e6
    print ""
    for (e = 1; e <= engine_count; e++) {
      printf "%-24s", engine[e] ", MIPS"
      for (i = 1; i <= mix_count; i++)
        printf "%14.0f", instructions[mix[i]] / 1e6 / seconds[engine[e], mix[i]]
      print ""
    }
  }
  printf "\n%-24s", "ratios"
  for (i = 1; i <= mix_count; i++) printf "%14s", mix[i]
  print "       geomean"
  if (present["qemu"] && present["bochs"]) compare("qemu", "bochs")
  if (present["emu"] && present["qemu"]) { compare("emu", "qemu"); over_qemu = geomean }
  if (present["emu"] && present["bochs"]) { compare("emu", "bochs"); over_bochs = geomean; least = worst }
  print ""
  if (over_bochs) goal("emu over Bochs, geomean", over_bochs, 5)
  if (over_bochs) goal("emu over Bochs, its worst mix", least, 2)
  if (over_qemu) goal("emu over QEMU TCG, geomean", over_qemu, 0.4)
  printf "largest spread of a mix between repetitions: %.0f%%\n", spread * 100
  if (check && (missed || !over_bochs || !over_qemu)) exit 1
}
