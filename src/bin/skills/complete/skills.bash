# Completion of `skills` for bash. In ~/.bashrc:  source <(skills generate completions bash)
# Asked is the program on PATH. Attack: `./skills` in a project is somebody else's, and the Tab key would run it.
_skills() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(command "${1##*/}" __complete bash "$COMP_CWORD" -- "${COMP_WORDS[@]}" 2>/dev/null </dev/null)
}
complete -o nosort -F _skills skills skill-trust 2>/dev/null || complete -F _skills skills skill-trust
