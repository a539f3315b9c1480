# What an administrator does who has read our package: takes the guard's actions out of the copy that Windows Installer
# keeps and removes by.
$ErrorActionPreference = 'Stop'

function Invoke-Member($Object, [string] $Name, [string] $Kind, $Arguments) {
    $Object.GetType().InvokeMember($Name, $Kind, $null, $Object, @($Arguments))
}

$installer = New-Object -ComObject WindowsInstaller.Installer
$products = Invoke-Member $installer 'RelatedProducts' 'GetProperty' '{6C2F8E0A-4A0B-4B52-9C0E-3B7D51C4E9A7}'
$product = @($products)[0]
$package = Invoke-Member $installer 'ProductInfo' 'GetProperty' @($product, 'LocalPackage')
$transacted = 1
$database = Invoke-Member $installer 'OpenDatabase' 'InvokeMethod' @($package, $transacted)
foreach ($action in 'AskTheService', 'RefuseUnderProtection') {
    $sql = "DELETE FROM ``InstallExecuteSequence`` WHERE ``Action`` = '$action'"
    $view = Invoke-Member $database 'OpenView' 'InvokeMethod' $sql
    Invoke-Member $view 'Execute' 'InvokeMethod' $null | Out-Null
    Invoke-Member $view 'Close' 'InvokeMethod' $null | Out-Null
}
Invoke-Member $database 'Commit' 'InvokeMethod' $null | Out-Null
