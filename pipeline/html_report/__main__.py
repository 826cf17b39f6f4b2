"""The drawing process: read facts as JSON from standard input, write the report as HTML to standard output."""

import faulthandler
import sys

from pipeline.html_report.drawing import TIME_LIMIT
from pipeline.html_report.render import report_page
from pipeline.html_report.transfer import decode_facts

if __name__ == "__main__":
    # The process that started this one may be gone by then, and Python code cannot interrupt a native library.
    faulthandler.dump_traceback_later(TIME_LIMIT, exit=True)
    sys.stdout.buffer.write(report_page(decode_facts(sys.stdin.buffer.read())))
