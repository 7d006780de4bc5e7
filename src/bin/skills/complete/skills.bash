# Completion of `skills` for bash. In ~/.bashrc:  source <(skills generate completions bash)
_skills() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <("$1" __complete bash "$COMP_CWORD" -- "${COMP_WORDS[@]}" 2>/dev/null </dev/null)
}
complete -o nosort -F _skills skills skill-trust 2>/dev/null || complete -F _skills skills skill-trust
