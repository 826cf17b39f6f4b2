#!/bin/sh
# A night run for cron: resume what is unfinished, try once more for what is missing, and alert by exit code.
#     0 2 * * * /srv/catalogue/nightly.sh
cd "$(dirname "$0")" || exit 1
PIPELINE=${PIPELINE:-pipeline}
ALERT=${ALERT:-mail -s catalogue ops@shop.example}

"$PIPELINE" -q --resume -c shops.yaml --log-format json 2>>run.log
code=$?
if [ "$code" = 3 ]; then
    sleep "${RETRY_AFTER:-7200}"
    "$PIPELINE" -q --resume -c shops.yaml --log-format json 2>>run.log
    code=$?
fi
case $code in
    0) ;;
    3) { echo "The catalogue is partial; the log has what is missing."; tail -n 20 run.log; } | $ALERT ;;
    *) { echo "The catalogue was not fetched (exit code $code)."; tail -n 20 run.log; } | $ALERT ;;
esac
# Keep the dated files of thirty days. After a failed night they may be the last good ones.
case $code in 0 | 3) find out -type f -path '*20??-??-??*' -mtime +30 -delete ;; esac
exit "$code"
