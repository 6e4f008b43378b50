@modelrun -- python "%~dp0load_model.py" %*
