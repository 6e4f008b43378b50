#compdef modelrun
# zsh completion for modelrun: what is offered is asked of modelrun itself.
_modelrun() {
	local -a answer names shown
	local how line program=modelrun # a ./modelrun of some folder is not run by a Tab
	[[ $words[1] == [/~]* ]] && program=${(Q)words[1]/#\~\//$HOME/}
	answer=("${(@f)$("$program" __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
	how=$answer[1]
	if [[ $how == program\ * ]]; then
		local n=${how#program }
		words=("${(@)words[n+1,-1]}")
		((CURRENT -= n))
		_normal
		return
	fi
	for line in "${(@)answer[2,-1]}"; do
		[[ -n $line ]] || continue
		names+=("${line%%$'\t'*}")
		shown+=("${${line%$'\t'}/$'\t'/  -- }") # without a help there is only the tab
	done
	local found=1
	if (($#names)); then
		compadd -l -d shown -a names && found=0
	fi
	case $how in
	files) compset -P '--*='; _files && found=0 ;;
	dirs) compset -P '--*='; _files -/ && found=0 ;;
	esac
	return found
}
if [[ $funcstack[1] == _modelrun ]]; then
	_modelrun "$@"
else
	compdef _modelrun modelrun
fi
