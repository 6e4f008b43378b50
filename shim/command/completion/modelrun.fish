# fish completion for modelrun: what is offered is asked of modelrun itself.
function __modelrun_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l program modelrun # a ./modelrun of some folder is not run by a Tab
    string match -q '/*' -- $words[1]; and set program $words[1]
    set -l answer ($program __complete fish $words[2..-1] "$word" 2>/dev/null)
    set -l how (string split ' ' -- "$answer[1]")
    set -e answer[1]
    string join \n -- $answer
    # an option and its value in one word: --root=DIR
    set -l option (string match -r -- '^--[^=]*=' "$word")
    set -l value (string replace -r -- '^--[^=]*=' '' "$word")
    switch "$how[1]"
        case program
            set -l first (math $how[2] + 1)
            set -l before
            test $first -le (count $words); and set before (string escape -- $words[$first..-1])
            complete -C (string join ' ' -- $before "$word")
        case files
            string replace -r -- '^' "$option" (__fish_complete_path "$value")
        case dirs
            string replace -r -- '^' "$option" (__fish_complete_directories "$value" '')
    end
end
complete -c modelrun -f -a '(__modelrun_complete)'
