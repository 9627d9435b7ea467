/** Everything a proxy told of one request, in words, and where to go on from here. */
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { LogLine } from '@/api/types'
import { CopyText } from '@/ui/CopyText'
import { flagWords, policyOf, ruleWords } from '@/ui/decisionWords'
import { formatAbsolute, formatBytes, formatMs, NONE } from '@/ui/format'
import { ToneMark } from '@/ui/Mark'
import { Facts } from '@/ui/Panel'
import { useText } from '@/ui/useText'
import { Side } from './parts'

export function LineDetails({ line, children }: { line: LogLine; children?: ReactNode }) {
  const t = useText()
  const mtls = t(line.secured ? 'answer.yes' : 'answer.no')
  return (
    <div className="log-details">
      <Why line={line} />
      <Facts
        items={[
          [t('logs.at'), formatAbsolute(line.at)],
          [t('logs.source'), <Side key="s" service={line.source} version={line.source_version} />],
          [
            t('logs.destination'),
            <Side key="d" service={line.destination} version={line.destination_version} />,
          ],
          [t('log.host'), line.host || NONE],
          [t('log.route'), line.route || NONE],
          [t('log.endpoint'), line.endpoint || NONE],
          [t('log.tries'), line.tries],
          [t('logs.duration'), formatMs(line.duration_ms)],
          [t('log.firstByte'), formatMs(line.first_byte_ms)],
          [t('log.bytes'), `${formatBytes(line.request_bytes)} / ${formatBytes(line.response_bytes)}`],
          [t('log.mtls'), mtls],
          [t('log.identity'), line.identity ? <CopyText key="i" value={line.identity} /> : NONE],
          [t('log.peer'), line.peer || NONE],
          [t('log.agent'), line.user_agent || NONE],
          [t('logs.reporter'), t(`logs.reporter.${line.reporter}`)],
          [t('log.proxy'), <ProxyLink key="p" id={line.proxy} />],
          [t('logs.traceId'), line.trace_id ? <CopyText key="t" value={line.trace_id} /> : NONE],
          [t('logs.requestId'), line.request_id ? <CopyText key="r" value={line.request_id} /> : NONE],
        ]}
      />
      {children}
      <Onward line={line} />
    </div>
  )
}

function ProxyLink({ id }: { id: string }) {
  if (!id) return NONE
  return (
    <Link to="/proxies/$id" params={{ id }}>
      {id}
    </Link>
  )
}

/** Flags and rule as sentences; nothing where the request simply passed. */
function Why({ line: { flags, rule, error } }: { line: LogLine }) {
  const t = useText()
  if (flags.length === 0 && !rule) return null
  return (
    <ul className="log-why">
      {flags.map((flag) => (
        <li key={flag}>
          <ToneMark tone={error ? 'failing' : 'degraded'} label={flagWords(flag, t)} />
        </li>
      ))}
      {rule && (
        <li>
          <ToneMark tone="unknown" label={ruleWords(rule, t)} />
        </li>
      )}
    </ul>
  )
}

function Onward({ line }: { line: LogLine }) {
  const t = useText()
  const policy = policyOf(line.rule)
  return (
    <p className="row">
      {line.trace_id && (
        <>
          <Link to="/traces/$id" params={{ id: line.trace_id }}>
            {t('log.trace')}
          </Link>
          <Link to="/logs" search={{ trace_id: line.trace_id } as never}>
            {t('log.same')}
          </Link>
        </>
      )}
      {line.request_id && (
        <Link to="/logs" search={{ request_id: line.request_id } as never}>
          {t('log.sameRequest')}
        </Link>
      )}
      {policy && (
        <Link to="/security/policies/$name" params={{ name: policy }}>
          {t('log.policy')}
        </Link>
      )}
      {line.source && line.destination && (
        <Link to="/logs/taps" search={{ source: line.source, destination: line.destination } as never}>
          {t('log.tap')}
        </Link>
      )}
    </p>
  )
}
