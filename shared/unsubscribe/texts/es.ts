import type { Texts } from "./texts.ts";

const of = (list?: string) => (list === undefined ? "nuestros correos" : `«${list}»`);

export const es: Texts = {
  language: "es",
  askSubject: "¿Quiere darse de baja?",
  askText: ({ list, link }) =>
    [
      `Alguien, quizá usted, nos pidió que no enviemos más ${of(list)} a esta dirección. No pudimos saber si fue usted.`,
      "",
      link === undefined
        ? "Si lo desea, responda a este correo con una sola palabra: sí"
        : `Si lo desea, abra esta página y pulse su botón:\n${link}\n\nO responda a este correo con una sola palabra: sí`,
      "",
      "Si no, no haga nada: nada cambiará.",
    ].join("\n"),
  doneSubject: "Se ha dado de baja",
  doneText: ({ list, link }) =>
    [
      `Como pidió, ya no enviamos ${of(list)} a esta dirección.`,
      ...(link === undefined ? [] : ["", `Si fue un error, puede deshacerlo aquí:\n${link}`]),
    ].join("\n"),
  page: {
    title: "Darse de baja",
    question: (list) => `¿Quiere dejar de recibir ${of(list)}?`,
    button: "Darme de baja",
    doneTitle: "Se ha dado de baja",
    done: (list) => `Ya no le enviamos ${of(list)}.`,
    backQuestion: "¿Fue un error?",
    backButton: "Volver a suscribirme",
    backTitle: "Está suscrito de nuevo",
    back: (list) => `Le enviamos de nuevo ${of(list)}.`,
    stillSuppressed:
      "Por otro motivo no enviamos nada a su dirección; solo nosotros podemos quitarlo. Escríbanos, por favor.",
    invalidTitle: "Este enlace no funciona",
    invalid:
      "Quizá se cortó por el camino o es demasiado antiguo. Use el enlace de un correo más reciente o respóndalo.",
    busyTitle: "Un momento, por favor",
    busy: "Se ha pedido demasiadas veces en poco tiempo. Inténtelo de nuevo dentro de unos minutos.",
  },
};
