package launcher

var kinds = [...]traits{
	{kind: Script, render: renderScript},
	{kind: Supervisord, render: renderSupervisord, account: true},
	{kind: Launchd, render: renderLaunchd},
}

// meaning is what of a file counts as changed.
func meaning(_ string, data []byte) []byte { return data }
