#compdef skills skill-trust
# Completion of `skills` for zsh. In ~/.zshrc, after compinit:  source <(skills generate completions zsh)
# Asked is the program on PATH. Attack: `./skills` in a project is somebody else's, and the Tab key would run it.
_skills() {
    local -a found
    found=("${(@f)$(command "${words[1]:t}" __complete zsh "$((CURRENT - 1))" -- "${words[@]}" 2>/dev/null </dev/null)}")
    [[ -n "${found[1]}" ]] && _describe 'skills' found
}
if [[ "${funcstack[1]}" == "_skills" ]]; then
    _skills "$@"
elif (( ${+functions[compdef]} )); then
    compdef _skills skills skill-trust
fi
