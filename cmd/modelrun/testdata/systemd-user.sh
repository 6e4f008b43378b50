#!/bin/sh
# systemd-user.sh SCRIPT ARG…: runs a shell script that has a systemd to itself, the one of a user, with the units of $HOME.
#
# For containers, where none runs. It has its own /run, process ids and control group, and starts no unit that was not
# asked for; 77 where that cannot be had. Never the system's systemd: that one would empty /tmp.
set -eu

skip() {
	echo "$*" >&2
	exit 77
}
systemd=/lib/systemd/systemd
[ -x "$systemd" ] || skip "systemd is not installed"
[ ! -e /run/systemd/system ] || skip "a systemd runs here, which is not ours to use"
[ "$(id -u)" = 0 ] || skip "namespaces and control groups of one's own need root"

ours=
back() {
	for dir in $ours; do
		echo $$ >"${dir%/*}/cgroup.procs"
		find "$dir" -depth -type d -exec rmdir {} +
	done
}
trap back EXIT
while IFS=: read -r id controllers group; do
	case $id:$controllers in
	*:name=systemd) dir=/sys/fs/cgroup/systemd$group ;;
	0:) dir=/sys/fs/cgroup/unified$group && [ -e "$dir/cgroup.procs" ] || dir=/sys/fs/cgroup$group ;;
	*) continue ;;
	esac
	mkdir "$dir/modelrun-test-$$" 2>/dev/null || skip "no control group can be made in $dir"
	ours="$ours $dir/modelrun-test-$$"
	echo $$ >"$dir/modelrun-test-$$/cgroup.procs"
done </proc/self/cgroup

units=$HOME/.config/systemd/user
mkdir -p "$units"
echo '[Unit]' >"$units/nothing.target"
for unit in systemd-tmpfiles-setup.service systemd-tmpfiles-clean.service systemd-tmpfiles-clean.timer; do
	ln -sf /dev/null "$units/$unit"
done

unshare --mount --pid --fork --kill-child --mount-proc true 2>/dev/null || skip "no namespaces here"
code=0
unshare --mount --pid --fork --kill-child --mount-proc sh -euc '
systemd=$1 script=$2
shift 2
mount -t tmpfs tmpfs /run || exit 77
export XDG_RUNTIME_DIR=/run/user/0 SYSTEMD_LOG_TARGET=console
mkdir -p /run/systemd/system "$XDG_RUNTIME_DIR"
"$systemd" --user --unit=nothing.target >/run/log 2>&1 &
until [ -S "$XDG_RUNTIME_DIR/systemd/private" ]; do
	kill -0 $! || { cat /run/log >&2; exit 77; }
	sleep 0.02
done
code=0
sh -euc "$script" script "$@" || code=$?
[ $code = 0 ] || cat /run/log >&2
systemctl --user exit
wait
exit $code
' sh "$systemd" "$@" || code=$?
exit $code
