# Completion of `skills` for fish. Once:  skills generate completions fish > ~/.config/fish/completions/skills.fish
# Asked is the program on PATH. Attack: `./skills` in a project is somebody else's, and the Tab key would run it.
function __skills_complete
    set -l before (commandline --current-process --tokenize --cut-at-cursor)
    set -l program (string replace --regex '.*/' '' -- $before[1])
    command $program __complete fish (count $before) -- $before (commandline --current-token --cut-at-cursor) 2>/dev/null </dev/null
end
complete --command skills --no-files --arguments '(__skills_complete)'
complete --command skill-trust --no-files --arguments '(__skills_complete)'
