#!/bin/bash
# crashboot.sh KERNEL [FIRST LAST STEP]: stops a machine that works on a disk after so many instructions,
# for each number from FIRST to LAST, and lets fsck look at what is left. Without numbers it runs to the
# end and says how many instructions that takes. Needs `emu` in the path.
set -u
kernel=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
story='mount -t apusfs /dev/vda /mnt; cp /bin/hello /mnt/a; mkdir /mnt/d; mv /mnt/a /mnt/d/b; sync; '
story+='rm /mnt/d/b; cp /bin/count /mnt/c; ln /mnt/c /mnt/e; sync; umount /mnt'

boot() { # DISK COMMANDS [OPTIONS]
  timeout 60 emu boot "$kernel" --disk "$1,writable" "${@:3}" --append "quiet cmd=\"$2\" exit" \
    </dev/null 2>&1
}

truncate -s 4M "$work/empty"
boot "$work/empty" 'mkfs /dev/vda' | tail -1
if [ $# -lt 4 ]; then
  boot "$work/empty" "$story; fsck /dev/vda" --statistics | tail -6
  exit
fi
survived=0 lost=0 repeated=0
for count in $(seq "$2" "$4" "$3"); do
  cp "$work/empty" "$work/disk"
  boot "$work/disk" "$story" --limit "$count" >/dev/null
  found=$(boot "$work/disk" 'fsck /dev/vda')
  if grep -q 'is sound' <<<"$found"; then
    survived=$((survived + 1))
  else
    lost=$((lost + 1))
    echo "after $count instructions:"
    tail -5 <<<"$found"
  fi
  if grep -q repeated <<<"$found"; then repeated=$((repeated + 1)); fi
done
echo "$survived crash points survived, $lost not; after $repeated of them the journal was repeated"
[ "$lost" = 0 ]
