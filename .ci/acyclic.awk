# The part of .ci/acyclic that reads the files of one crate. Plain awk, without extensions.

# From a file to its module: "" is the crate's root, "a::b" is in a/b.rs.
function module_of(file) {
    sub("^" crate "/src/", "", file)
    sub(/\.rs$/, "", file)
    sub(/(^|\/)(lib|main|mod)$/, "", file)
    gsub(/\//, "::", file)
    return file
}

function join(parent, name) { return parent == "" ? name : parent "::" name }

function parent_of(module) { return sub(/::[^:]*$/, "", module) ? module : "" }

function shown(module) { return module == "" ? "the root" : module }

FNR == 1 {
    module = module_of(FILENAME)
    modules[++count] = module
    known[module] = 1
    # What is open: test code until a line that is `test_end`, a `use` until its semicolon, modules
    # within the file.
    test_end = statement = ""
    in_test = depth = 0
}

{
    line = $0
    gsub(/'\\?"'/, "", line) # a quote as a character
    gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
    sub(/\/\/.*/, "", line)
}

# Test code ends with its item: at a semicolon, or at a brace that is indented as its attribute was.
in_test {
    if (test_end == "" && line ~ /^ *#\[/) next
    if (test_end == "") {
        if (line ~ /;$/) {
            if (match(line, /mod [a-z0-9_]+;$/))
                is_test[join(module, substr(line, RSTART + 4, RLENGTH - 5))] = 1
            in_test = 0
            next
        }
        test_end = indent "}"
        if (line ~ /}$/) in_test = 0
    } else if (line == test_end || line == test_end ";") {
        in_test = 0
    }
    next
}

line ~ /^ *#\[cfg\((all\()?test[,)]/ {
    in_test = 1
    test_end = ""
    match(line, /^ */)
    indent = substr(line, 1, RLENGTH)
    next
}

statement == "" && line ~ /^ *(pub(\([a-z :]+\))? )?mod [a-z0-9_]+ \{$/ {
    match(line, /^ */)
    closes[++depth] = substr(line, 1, RLENGTH) "}"
    next
}

depth && line == closes[depth] { depth--; next }

statement == "" && line ~ /^ *(pub(\([a-z :]+\))? )?use / {
    starts_at = FNR
    is_private = line !~ /^ *pub/
    sub(/^ *(pub(\([a-z :]+\))? )?use /, "", line)
    statement = " "
}

statement != "" {
    statement = statement line
    if (line ~ /;/) {
        gsub(/ as /, "=", statement)
        gsub(/[ \t;]/, "", statement)
        expand("", statement)
        statement = ""
    }
    next
}

{
    gsub(/pub\(in [^)]*\)/, "", line)
    code[module] = code[module] " " line
    while (match(line, /[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)+/)) {
        # A path that goes on from something else, as in `<T>::f`, begins no path.
        if (substr(line, 1, RSTART - 1) !~ /::$/)
            note(substr(line, RSTART, RLENGTH), FNR)
        line = substr(line, RSTART + RLENGTH)
    }
}

# One path that is named at a line.
function note(path, at) {
    path = within(path)
    n = ++paths[module]
    named[module, n] = path
    named_at[module, n] = FILENAME ":" at
}

# A path as the file's own module would write it: a module within the file has one `super` more.
function within(path, left) {
    for (left = depth; left > 0 && path ~ /^super::/; left--) {
        sub(/^super::/, "", path)
        if (left == 1 && path !~ /^super::/) path = "self::" path
    }
    return path
}

# Takes a `use` apart: one name for each path in its braces.
function expand(head, tree,    open, i, char, level, from, inner) {
    open = index(tree, "{")
    if (!open) {
        imported(head tree)
        return
    }
    inner = substr(tree, open + 1, length(tree) - open - 1)
    head = head substr(tree, 1, open - 1)
    from = 1
    level = 0
    for (i = 1; i <= length(inner); i++) {
        char = substr(inner, i, 1)
        if (char == "{") level++
        if (char == "}") level--
        if (char == "," && level == 0) {
            if (i > from) expand(head, substr(inner, from, i - from))
            from = i + 1
        }
    }
    if (from <= length(inner)) expand(head, substr(inner, from))
}

function imported(path, name, n) {
    name = path
    sub(/::self$/, "", name)
    sub(/.*(::|=)/, "", name)
    sub(/=.*/, "", path)
    sub(/::(self|\*)$/, "", path)
    path = within(path)
    scope[module, name] = path
    if (is_private) {
        note(path, starts_at)
    } else {
        n = ++exports[module]
        exported[module, n] = name
        exported_at[module, n] = FILENAME ":" starts_at
    }
}

# The module that `path` leads to from `from`; "?" if to none of this crate.
function resolve(from, path, hops,    parts, n, i, at, next_hop) {
    n = split(path, parts, "::")
    if (hops > 9) return "?"
    i = 2
    if (parts[1] == "crate") {
        at = ""
    } else if (parts[1] == "self") {
        at = from
    } else if (parts[1] == "super") {
        at = parent_of(from)
        while (parts[i] == "super") { at = parent_of(at); i++ }
    } else if (join(from, parts[1]) in known) {
        at = join(from, parts[1])
    } else if (hops && (from, parts[1]) in scope) {
        at = from
        i = 1
    } else {
        return "?"
    }
    while (i <= n && join(at, parts[i]) in known) at = join(at, parts[i++])
    # What is left is an item, defined there or imported there from elsewhere.
    if (i <= n && (at, parts[i]) in scope) {
        next_hop = resolve(at, scope[at, parts[i]], hops + 1)
        if (next_hop != "?") return next_hop
    }
    return at
}

function in_tests(m) {
    for (;;) {
        if (m in is_test) return 1
        if (m == "") return 0
        m = parent_of(m)
    }
}

function arrow(from, to, where) {
    if (to == "?" || to == from || in_tests(to) || (from, to) in arrows) return
    arrows[from, to] = where
    targets[from] = targets[from] "\t" to
}

# The shortest way from `start` back to it, in `circle`; returns its length, 0 if there is none.
function way_back(start,    queue, first, last, came, m, list, n, i, size, back) {
    first = last = 1
    queue[1] = start
    while (first <= last) {
        m = queue[first++]
        n = split(substr(targets[m], 2), list, "\t")
        if (targets[m] == "\t") { n = 1; list[1] = "" } # the root alone
        for (i = 1; i <= n; i++) {
            if (list[i] == start) {
                size = 0
                for (back = m; ; back = came[back]) {
                    reversed[++size] = back
                    if (back == start) break
                }
                for (i = 1; i <= size; i++) circle[i] = reversed[size + 1 - i]
                return size
            }
            if (!(list[i] in came)) {
                came[list[i]] = m
                queue[++last] = list[i]
            }
        }
    }
    return 0
}

END {
    for (i = 1; i <= count; i++) {
        m = modules[i]
        if (in_tests(m)) continue
        for (n = 1; n <= paths[m]; n++)
            arrow(m, resolve(m, named[m, n], 0), named_at[m, n])
        for (n = 1; n <= exports[m]; n++)
            if (code[m] ~ "(^|[^A-Za-z0-9_:])" exported[m, n] "([^A-Za-z0-9_]|$)")
                arrow(m, resolve(m, scope[m, exported[m, n]], 0), exported_at[m, n])
    }
    # The shortest circle of each module that is in one; each circle once.
    for (i = 1; i <= count; i++) {
        size = way_back(modules[i])
        if (!size) continue
        fails = 1
        least = 1
        for (n = 2; n <= size; n++) if (circle[n] < circle[least]) least = n
        text = ""
        for (n = 0; n < size; n++) text = text shown(circle[(least - 1 + n) % size + 1]) " -> "
        text = text shown(circle[least])
        if (text in told) continue
        told[text] = 1
        print "acyclic: modules of " crate " import each other: " text
        for (n = 0; n < size; n++) {
            from = circle[(least - 1 + n) % size + 1]
            to = circle[(least + n) % size + 1]
            print "    " shown(from) " imports " shown(to) " at " arrows[from, to]
        }
    }
    exit fails
}
