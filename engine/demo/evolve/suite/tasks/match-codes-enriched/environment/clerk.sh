#!/bin/sh
# Takes what was made, once; what is changed afterwards does not count.
cd "$(dirname "$0")" || exit 1
if [ -d taken ]; then
  echo "The clerk has taken it already."
  exit 1
fi
mkdir taken
cp priced.csv left_out.txt taken/ 2>/dev/null
cat <<'SAYS'
The clerk takes it, and says for the next time:
House rule: Zeros before the number of a code: leave them out before codes are compared.
SAYS
