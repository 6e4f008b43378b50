# PowerShell completion for modelrun: what is offered is asked of modelrun itself.
Register-ArgumentCompleter -Native -CommandName modelrun, modelrun.exe -ScriptBlock {
    param($word, $tree, $cursor)
    # An = before each word: no word is empty, which some versions would drop.
    $words = @($tree.CommandElements | Where-Object { $_.Extent.StartOffset -lt $cursor } | ForEach-Object {
        if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { '=' + $_.Value } else { '=' + $_.Extent.Text }
    })
    $program = 'modelrun' # a .\modelrun of some folder is not run by a Tab
    if ([System.IO.Path]::IsPathRooted($words[0].Substring(1))) { $program = $words[0].Substring(1) }
    $words = @($words | Select-Object -Skip 1)
    if (-not $word) { $words += '=' }
    $answer = @(& $program __complete powershell @words 2>$null)
    if ($answer.Count -eq 0) { return }
    foreach ($line in ($answer | Select-Object -Skip 1)) {
        $name, $tip = $line -split "`t", 2
        if (-not $tip) { $tip = $name }
        $text = $name
        if ($text -match '[\s''"`$;&|(){}@#,]') { $text = "'" + $text.Replace("'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($text, $name, 'ParameterValue', $tip)
    }
    if ($answer[0] -eq 'dirs') {
        [System.Management.Automation.CompletionCompleters]::CompleteFilename($word) | Where-Object ResultType -eq 'ProviderContainer'
    } elseif ($answer[0] -ne 'words') {
        [System.Management.Automation.CompletionCompleters]::CompleteFilename($word)
    }
}
