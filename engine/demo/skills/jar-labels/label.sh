sed -e 's/^dried \(.*\)/\1-d/' -e 's/^fresh \(.*\)/\1-f/' -e 's/^tincture of \(.*\)/\1-t/' jar.txt | tr a-z A-Z > label.txt
