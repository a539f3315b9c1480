<#
.SYNOPSIS
    Installs the Postern agent and joins a cluster.

.DESCRIPTION
    Runs the package silently, then hands the activation key to the agent on its standard input, so that the key stands in
    no command line, no log and no registry value. What is installed already is left to the package: it replaces an older
    version, and refuses while service protection is on.

    Neither run nor parsed by a real PowerShell yet: docs/install-agent.md says what was tried.

.PARAMETER Package
    PosternAgent.msi.

.PARAMETER Cluster
    The cluster's address, such as https://postern.example.com

.PARAMETER ActivationKeyFile
    A file with the activation key.

.PARAMETER ActivationKey
    The activation key as a SecureString: Read-Host -AsSecureString, or from a vault.

.PARAMETER CaFile
    Certificates (PEM) that vouch for the server, instead of the operating system's.

.PARAMETER Proxy
    Reach the cluster through this proxy.

.PARAMETER Log
    Where Windows Installer writes what it does.

.EXAMPLE
    .\Install-PosternAgent.ps1 -Package .\PosternAgent.msi -Cluster https://postern.example.com -ActivationKeyFile .\key.txt

.EXAMPLE
    $key = Read-Host -AsSecureString "Activation key"
    .\Install-PosternAgent.ps1 -Package .\PosternAgent.msi -Cluster https://postern.example.com -ActivationKey $key -WhatIf
#>
[CmdletBinding(SupportsShouldProcess, DefaultParameterSetName = "File")]
param(
    [Parameter(Mandatory)] [ValidateScript({ Test-Path -LiteralPath $_ -PathType Leaf })] [string] $Package,
    [Parameter(Mandatory)] [ValidatePattern("^https?://")] [string] $Cluster,
    [Parameter(Mandatory, ParameterSetName = "File")] [ValidateScript({ Test-Path -LiteralPath $_ -PathType Leaf })] [string] $ActivationKeyFile,
    [Parameter(Mandatory, ParameterSetName = "Key")] [securestring] $ActivationKey,
    [ValidateScript({ Test-Path -LiteralPath $_ -PathType Leaf })] [string] $CaFile,
    [string] $Proxy,
    [string] $Log = (Join-Path $env:TEMP "PosternAgent-install.log")
)

Set-StrictMode -Version 3
$ErrorActionPreference = "Stop"

$identity = [Security.Principal.WindowsPrincipal] [Security.Principal.WindowsIdentity]::GetCurrent()
if (-not $WhatIfPreference -and -not $identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    throw "Only an administrator may install the agent. Open PowerShell with 'Run as administrator'."
}

$agent = Join-Path $env:ProgramW6432 "Postern\PosternAgent.exe"

# Windows' own rules for one quoted argument; paths hold no quotes.
function ConvertTo-Argument([string] $Text) { '"' + ($Text -replace '\\+$', '$0$0') + '"' }

if ($PSCmdlet.ShouldProcess($Package, "install")) {
    $arguments = "/i", (ConvertTo-Argument (Convert-Path -LiteralPath $Package)), "/qn", "/norestart", "/l*v", (ConvertTo-Argument $Log)
    $installer = Start-Process -FilePath "$env:SystemRoot\System32\msiexec.exe" -ArgumentList $arguments -Wait -PassThru
    # 3010: done, and Windows wants to be restarted.
    if ($installer.ExitCode -notin 0, 3010) {
        throw "The agent was not installed (Windows Installer: $($installer.ExitCode)). $Log says why."
    }
}

if ($PSCmdlet.ShouldProcess($Cluster, "join")) {
    $status = & $agent -status -json | ConvertFrom-Json
    if ($status.enrolled) {
        Write-Verbose "This machine has joined $($status.clusterUrl) already."
        return
    }
    $key = if ($PSCmdlet.ParameterSetName -eq "File") {
        (Get-Content -LiteralPath $ActivationKeyFile -Raw).Trim()
    } else {
        [Net.NetworkCredential]::new("", $ActivationKey).Password
    }
    $arguments = "-enroll", "-cluster", (ConvertTo-Argument $Cluster), "-key", "-"
    if ($CaFile) { $arguments += "-ca", (ConvertTo-Argument (Convert-Path -LiteralPath $CaFile)) }
    if ($Proxy) { $arguments += "-proxy", (ConvertTo-Argument $Proxy) }

    $start = [Diagnostics.ProcessStartInfo]::new($agent, ($arguments -join " "))
    $start.UseShellExecute = $false
    $start.RedirectStandardInput = $true
    $enrolling = [Diagnostics.Process]::Start($start)
    $enrolling.StandardInput.WriteLine($key)
    $enrolling.StandardInput.Close()
    $enrolling.WaitForExit()
    if ($enrolling.ExitCode -ne 0) {
        throw "The agent is installed and has not joined $Cluster (exit code $($enrolling.ExitCode)); what it said stands above."
    }
}
