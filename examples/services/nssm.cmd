@rem The service "chat". Run once in a prompt of an administrator, with nssm.exe on PATH.
nssm install chat C:\modelrun\modelrun.exe -- python service.py
nssm set chat AppDirectory C:\srv\chat
nssm set chat AppEnvironmentExtra MODELRUN_ROOT=C:\srv\modelrun PORT=8000
nssm set chat AppStdout C:\srv\chat\chat.log
nssm set chat AppStderr C:\srv\chat\chat.log
@rem Ctrl-C, and half a minute to end in good order; after that all of it is ended.
nssm set chat AppStopMethodConsole 30000
@rem A crash is started again after 10 s; 125 to 127 want somebody to change something first.
nssm set chat AppExit Default Restart
nssm set chat AppRestartDelay 10000
nssm set chat AppExit 125 Exit
nssm set chat AppExit 126 Exit
nssm set chat AppExit 127 Exit
