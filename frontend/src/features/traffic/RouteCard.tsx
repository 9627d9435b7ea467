import { ActionIcon, Tooltip } from '@mantine/core'
import { IconChevronDown, IconChevronRight, IconCopy, IconGripVertical, IconTrash } from '@tabler/icons-react'
import { type KeyboardEvent, type PointerEvent, useState } from 'react'
import type { Route } from '@/api/types'
import { AddMenu } from '@/ui/AddMenu'
import { faultsUnder, TextField, useFaults } from '@/ui/fields'
import { ToneMark } from '@/ui/Mark'
import { useText } from '@/ui/useText'
import { ActionFields, actionOf } from './ActionFields'
import * as words from './draft/words'
import { fieldsOf, type Slot } from './fields'
import { MatchFields, type MatchList } from './MatchFields'
import { OPTIONS, type OptionName } from './RouteOptions'
import { Section } from './Section'
import { faultCount } from './useValidation'

type RouteCardProps = {
  slot: Slot<Route>
  place: number
  count: number
  versions: readonly string[]
  sources: readonly string[]
  mayWrite: boolean
  mark: 'added' | 'changed' | null
  /** The earlier route that leaves it no request. */
  behind: string | undefined
  open: boolean
  dragged: boolean
  onToggle: () => void
  onMove: (step: number) => void
  onDragStart: (event: PointerEvent<HTMLElement>) => void
  onDuplicate: () => void
  onRemove: () => void
}

/** A route: one sentence while it is closed, all of its fields when it is open. */
export function RouteCard(props: RouteCardProps) {
  const { slot, place, count, versions, sources, mayWrite, mark, behind, open, dragged } = props
  const t = useText()
  const { value: route, path } = slot
  const faults = faultsUnder(useFaults(), path)
  const Chevron = open ? IconChevronDown : IconChevronRight
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key]
    if (!step) return
    event.preventDefault()
    props.onMove(step)
  }
  return (
    <li
      className="route-card"
      data-open={open || undefined}
      data-dragged={dragged || undefined}
      data-mark={mark}
    >
      <div className="route-head">
        {mayWrite && (
          <Tooltip label={t('routes.drag')} openDelay={500}>
            <button
              type="button"
              className="drag-handle"
              aria-label={t('routes.dragOf', { name: route.name, place, count })}
              onKeyDown={onKeyDown}
              onPointerDown={props.onDragStart}
            >
              <IconGripVertical size={16} aria-hidden="true" />
            </button>
          </Tooltip>
        )}
        <span className="route-place muted">{place}</span>
        <button type="button" className="route-title" aria-expanded={open} onClick={props.onToggle}>
          <Chevron size={14} aria-hidden="true" />
          <strong>{route.name || t('routes.nameless')}</strong>
          {mark && <span className="route-mark">{t(`mark.${mark}`)}</span>}
          <Sentence route={route} />
          {behind !== undefined && (
            <ToneMark tone="degraded" label={t('routes.unreached', { name: behind })} />
          )}
        </button>
        {faults.length > 0 && <ToneMark tone="failing" label={faultCount(faults.length, t)} />}
        {mayWrite && (
          <span className="route-tools">
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={t('routes.duplicate', { name: route.name })}
              onClick={props.onDuplicate}
            >
              <IconCopy size={14} />
            </ActionIcon>
            <ActionIcon
              variant="subtle"
              color="gray"
              disabled={count === 1}
              aria-label={t('routes.remove', { name: route.name })}
              onClick={props.onRemove}
            >
              <IconTrash size={14} />
            </ActionIcon>
          </span>
        )}
      </div>
      {open && <RouteForm slot={slot} versions={versions} sources={sources} mayWrite={mayWrite} />}
    </li>
  )
}

function Sentence({ route }: { route: Route }) {
  const t = useText()
  const extras = words.extraWords(route, t)
  return (
    <span className="route-sentence">
      <code>{words.matchWords(route.match, t)}</code>
      <span className="muted"> → </span>
      {words.outcomeWords(route, t)}
      {extras.length > 0 && <span className="muted">, {extras.join(', ')}</span>}
    </span>
  )
}

type FormProps = Pick<RouteCardProps, 'slot' | 'versions' | 'sources' | 'mayWrite'>

function RouteForm({ slot, versions, sources, mayWrite }: FormProps) {
  const t = useText()
  const { value: route, onChange, path } = slot
  const field = fieldsOf(slot)
  const [openLists, setOpenLists] = useState<ReadonlySet<MatchList>>(new Set())
  const [opened, setOpened] = useState<ReadonlySet<OptionName>>(new Set())
  const toggled = <N extends string>(set: ReadonlySet<N>, name: N, on: boolean): ReadonlySet<N> =>
    on ? new Set([...set, name]) : new Set([...set].filter((each) => each !== name))
  const names = Object.keys(OPTIONS) as OptionName[]
  const forwards = actionOf(route) === 'forward'
  const shown = names.filter((name) => OPTIONS[name].isSet(route) || opened.has(name))
  const offered = names.filter((name) => !shown.includes(name) && (forwards || !OPTIONS[name].forwards))
  const add = (name: OptionName) => {
    setOpened(toggled(opened, name, true))
    onChange({ ...route, ...OPTIONS[name].added(versions) })
  }
  const remove = (name: OptionName) => {
    setOpened(toggled(opened, name, false))
    onChange({ ...route, ...OPTIONS[name].removed })
  }
  return (
    <fieldset className="route-form" disabled={!mayWrite} aria-label={t('routes.form', { name: route.name })}>
      <Section title={t('routes.name')} marks={[`${path}.name`]} says={[path]} summary={route.name}>
        <TextField {...field('name')} label={t('routes.name')} labelHidden width={240} />
      </Section>
      <Section
        title={t('section.match')}
        marks={[`${path}.match`]}
        says={[`${path}.match`, `${path}.match.path`]}
        summary={words.matchWords(route.match, t)}
      >
        <MatchFields
          slot={field('match')}
          sources={sources}
          open={openLists}
          onOpen={(name, on) => setOpenLists(toggled(openLists, name, on))}
        />
      </Section>
      <Section
        title={t('section.action')}
        marks={[`${path}.weights`, `${path}.redirect`, `${path}.direct`]}
        says={[`${path}.redirect`, `${path}.direct`]}
        summary={words.outcomeWords(route, t)}
      >
        <ActionFields slot={slot} versions={versions} />
      </Section>
      {shown.map((name) => {
        const { title, summary, Fields } = OPTIONS[name]
        return (
          <Section
            key={name}
            title={t(title)}
            marks={[`${path}.${name}`]}
            summary={summary(route, t)}
            onRemove={mayWrite ? () => remove(name) : undefined}
          >
            <Fields slot={slot} versions={versions} />
          </Section>
        )
      })}
      {mayWrite && offered.length > 0 && (
        <div className="rule-section">
          <AddMenu
            label={t('routes.addOption')}
            additions={offered.map((name) => ({ label: t(OPTIONS[name].title), onAdd: () => add(name) }))}
          />
        </div>
      )}
    </fieldset>
  )
}
