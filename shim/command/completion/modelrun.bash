# bash completion for modelrun: what is offered is asked of modelrun itself.
_modelrun() {
	local program=modelrun answer how line # a ./modelrun of some folder is not run by a Tab
	[[ ${COMP_WORDS[0]} == [/~]* ]] && program=${COMP_WORDS[0]/#\~\//$HOME/}
	COMPREPLY=()
	answer=$("$program" __complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return 0
	how=${answer%%$'\n'*}
	case $how in
	program\ *)
		if declare -F _comp_command_offset >/dev/null; then
			_comp_command_offset "${how#program }"
		elif declare -F _command_offset >/dev/null; then
			_command_offset "${how#program }"
		fi # else the names of files
		return 0
		;;
	esac
	while IFS= read -r line; do
		line=${line%%$'\t'*}
		[[ -n $line && $line != "$how" ]] && COMPREPLY+=("$line")
	done <<<"${answer#"$how"}"
	if [[ $how == dirs ]]; then
		compopt -o dirnames -o filenames 2>/dev/null
	elif [[ $how == files ]]; then
		compopt -o filenames 2>/dev/null # quotes what a shell would split
	elif [[ ${#COMPREPLY[@]} == 0 ]]; then
		compopt +o default 2>/dev/null
	fi
	return 0
}
complete -o default -F _modelrun modelrun
