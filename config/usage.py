"""Says in Japanese what was wrong with how a command was typed (CONTRACTS.md: errors are sentences for operators)."""

import click
from click import exceptions as wrong


def sentence(error: click.UsageError) -> str:
    """One plain sentence, and where the command's help is."""
    command = error.ctx.command_path if error.ctx is not None else "hansho"
    return f"{_what(error)}\n使い方は {command} --help で見られます。"


def _what(error: click.UsageError) -> str:
    match error:
        case wrong.NoSuchOption():
            return f"{error.option_name} という指定はありません。{_perhaps(error.possibilities)}"
        case wrong.NoSuchCommand():
            return f"{error.command_name} というコマンドはありません。{_perhaps(error.possibilities)}"
        case wrong.BadOptionUsage():
            return f"{error.option_name} には値を一つ書いてください。"
        case wrong.MissingParameter():
            return f"{_name(error)} を書いてください。"
        case wrong.BadParameter():
            return f"{_name(error)} の値を使えません。{_wanted(error.param)}"
    return "コマンドの書き方が正しくありません。余分な言葉がないか確かめてください。"


def _perhaps(possibilities: list[str] | None) -> str:
    return f"もしかして: {'、'.join(possibilities)}" if possibilities else ""


def _name(error: wrong.BadParameter) -> str:
    param = error.param
    if isinstance(param, click.Argument):
        return param.make_metavar(error.ctx) if error.ctx is not None else str(param.name)
    return "/".join(param.opts) if param is not None else "指定"


def _wanted(param: click.Parameter | None) -> str:
    """What this parameter takes."""
    kind = param.type if param is not None else None
    match kind:
        case click.Choice():
            return f"{'、'.join(map(str, kind.choices))} のどれかを書いてください。"
        case click.IntRange() if kind.max is not None:
            return f"{kind.min:,} から {kind.max:,} の数を書いてください。"
        case click.IntRange():
            return f"{kind.min or 0:,} 以上の数を書いてください。"
        case click.Path() if not kind.file_okay:
            return "フォルダーの名前を書いてください。"
        case click.Path() | click.File():
            return "読み書きできるファイルの名前を書いてください。"
    return "値を確かめてください。"
