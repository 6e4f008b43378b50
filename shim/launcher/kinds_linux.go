package launcher

var kinds = [...]traits{
	{kind: Script, render: renderScript},
	{kind: Desktop, render: renderDesktop, icon: true, windowed: true},
	{kind: Systemd, render: renderSystemd, account: true},
	{kind: Supervisord, render: renderSupervisord, account: true},
}

// meaning is what of a file counts as changed.
func meaning(_ string, data []byte) []byte { return data }
